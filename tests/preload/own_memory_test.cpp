// Looking at memory that may not be there: an answer, never a signal.
#include "sys/own_memory.h"

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>

#include "recording.h"

using namespace faultline;

namespace {

constexpr std::size_t kPage = 4096;

// Three pages: the first can be written, the second read, the third neither.
class Pages {
 public:
  Pages()
      : base_(static_cast<char*>(
            mmap(nullptr, 3 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(base_ != MAP_FAILED);
    std::memset(base_, 'x', 3 * kPage);
    mprotect(base_ + kPage, kPage, PROT_READ);
    mprotect(base_ + 2 * kPage, kPage, PROT_NONE);
  }
  ~Pages() { munmap(base_, 3 * kPage); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  char* writable() const { return base_; }
  char* read_only() const { return base_ + kPage; }
  char* none() const { return base_ + 2 * kPage; }

 private:
  char* base_;
};

// From here on this process gets EPERM for looking into a process's memory, as in many containers.
bool refuse_probes() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof program / sizeof program[0], program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

TEST_CASE("own memory: what is there is copied") {
  const Pages pages;
  char to[2 * kPage] = {};
  CHECK(sys::probe_own_memory(to, pages.writable(), sizeof to) == 0);
  CHECK(std::memcmp(to, pages.writable(), sizeof to) == 0);
  CHECK(sys::copy_argument(to, pages.read_only(), kPage));
}

TEST_CASE("own memory: what is not there is refused, also where only the end is missing") {
  const Pages pages;
  char to[2 * kPage];
  CHECK(sys::probe_own_memory(to, nullptr, 1) == -EFAULT);
  CHECK(sys::probe_own_memory(to, pages.none(), 1) == -EFAULT);
  CHECK(sys::probe_own_memory(to, pages.none() - 8, 16) == -EFAULT);
  CHECK(sys::probe_own_memory(to, pages.read_only(), 2 * kPage) == -EFAULT);
  CHECK(sys::probe_own_memory(to, reinterpret_cast<void*>(UINTPTR_MAX - 7), 16) == -EFAULT);
  CHECK_FALSE(sys::copy_argument(to, pages.none(), 8));
}

TEST_CASE("own memory: a result is stored where it can be, and refused elsewhere") {
  const Pages pages;
  const long value = 4711;
  CHECK(sys::store_result(pages.writable(), &value, sizeof value));
  CHECK(std::memcmp(pages.writable(), &value, sizeof value) == 0);
  CHECK_FALSE(sys::store_result(pages.read_only(), &value, sizeof value));
  CHECK_FALSE(sys::store_result(pages.none(), &value, sizeof value));
  CHECK_FALSE(sys::store_result(nullptr, &value, sizeof value));
  CHECK(pages.read_only()[0] == 'x');
}

TEST_CASE("own memory: where probing is not permitted an argument is read as it is") {
  const Pages pages;
  const int result = in_child([&] {
    if (!refuse_probes()) return 77;
    long value = 0;
    const long stored = 4711;
    if (sys::probe_own_memory(&value, pages.read_only(), sizeof value) != -EPERM) return 1;
    if (!sys::copy_argument(&value, pages.read_only(), sizeof value)) return 2;
    if (std::memcmp(&value, "xxxxxxxx", sizeof value) != 0) return 3;
    if (!sys::store_result(pages.writable(), &stored, sizeof stored)) return 4;
    return std::memcmp(pages.writable(), &stored, sizeof stored) == 0 ? 0 : 5;
  });
  if (result == 77) {
    MESSAGE("skipped: a system call filter is not permitted");
    return;
  }
  CHECK(result == 0);
}
