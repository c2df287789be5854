// Locks behind a system call filter that the program puts on itself, through prctl or seccomp(2): any call it
// does not know ends the process.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <iterator>
#include <mutex>
#include <string_view>

std::mutex lock_a;
std::mutex lock_b;
std::mutex lock_c;

constexpr sock_filter statement(int code, unsigned value) {
  return {.code = static_cast<__u16>(code), .jt = 0, .jf = 0, .k = value};
}

constexpr sock_filter unless_call_skip(unsigned call, __u8 skipped) {
  return {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = skipped, .k = call};
}

sock_filter filter[] = {
    statement(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the call
    unless_call_skip(SYS_write, 1),
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    unless_call_skip(SYS_futex, 1),
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    unless_call_skip(SYS_exit_group, 1),
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

template <size_t N>
void print(const char (&text)[N]) {
  if (write(STDOUT_FILENO, text, N - 1) < 0) _exit(1);
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  sock_fprog program = {.len = std::size(filter), .filter = filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long set = std::string_view(argv[1]) == "prctl"
                       ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
                       : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
  if (set != 0) {
    print("skipped: this system takes no filters\n");
    _exit(77);
  }
  print("restricted\n");
  // At a place and with a lock that are new: whoever watches would have much to write down.
  {
    std::lock_guard b(lock_b);
    std::lock_guard c(lock_c);
    print("b and c\n");
  }
  {
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
    print("b and a\n");
  }
  _exit(0);
}
