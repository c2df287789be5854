// Children made by clone() and by the clone and clone3 system calls, which no hook of fork sees: with memory
// of their own, and in the parent's memory while the parent waits. Each locks, and so does the parent after
// it.
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <shared_mutex>

std::mutex lock_a;
std::mutex lock_b;
std::recursive_mutex own_lock;
std::shared_mutex table_lock;
alignas(16) char child_stack[256 << 10];

void lock_both() {
  const std::lock_guard a(lock_a);
  const std::lock_guard b(lock_b);
}

// The child has its parent's kernel id as far as libc knows, and by that it tells who owns a lock. Taken at
// known call points and at new ones.
[[gnu::noinline]] void lock_own() {
  volatile int times = 4;
  for (int i = 0; i < times; ++i) {
    { const std::lock_guard writer(table_lock); }
    const std::lock_guard outer(own_lock);
    if (i < times - 1) continue;
    const std::lock_guard inner(own_lock);
  }
  const std::shared_lock reader(table_lock, std::try_to_lock);
  if (!reader) _exit(99);
}

int child_main(void* status) {
  lock_both();
  lock_own();
  return *static_cast<int*>(status);
}

void wait_and_say(const char* how, long child) {
  int status = 0;
  const bool waited = child > 0 && waitpid(static_cast<pid_t>(child), &status, 0) == child;
  lock_both();
  std::printf("%s: %d, ended with %d\n", how, waited, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  std::fflush(stdout);
}

void by_function(const char* how, int flags, int status) {
  wait_and_say(how, clone(child_main, child_stack + sizeof child_stack, flags | SIGCHLD, &status));
}

int main() {
  lock_both();
  lock_own();
  by_function("clone, own memory", 0, 11);
  by_function("clone, shared memory, parent waits", CLONE_VM | CLONE_VFORK, 12);
  by_function("clone, own memory, shared files", CLONE_FILES | CLONE_FS, 13);

  const long by_call = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (by_call == 0) {
    lock_both();
    lock_own();
    _exit(14);
  }
  wait_and_say("clone system call", by_call);

  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  const long by_clone3 = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (by_clone3 == 0) {
    lock_both();
    _exit(15);
  }
  wait_and_say("clone3 system call", by_clone3);

  // A child of the child, and a lock held over the call.
  const std::lock_guard held(lock_a);
  const long outer = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (outer == 0) {
    const pid_t inner = fork();
    if (inner == 0) {
      const std::lock_guard b(lock_b);
      _exit(16);
    }
    int status = 0;
    waitpid(inner, &status, 0);
    _exit(WEXITSTATUS(status) + 1);
  }
  int status = 0;
  waitpid(static_cast<pid_t>(outer), &status, 0);
  std::printf("child of a child: %d\n", WEXITSTATUS(status));
}
