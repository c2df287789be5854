// fork, and what the unwinder asks of libc.
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fault/mmap_lock.h"
#include "fault/service_events.h"
#include "hooks/hook.h"
#include "record/unwinder.h"
#include "runtime.h"

using namespace faultline;

FAULTLINE_EXPORT pid_t fork() noexcept {
  if (!recording()) return real::fork();
  before_mapping_change(FAULTLINE_CALL_POINT);
  MemoryChange change = served_memory_changes(0, ~std::size_t{0}, FaultEvent::Fork, FAULTLINE_CALL_POINT);
  before_fork();
  const pid_t result = real::fork();
  {
    Guard guard;
    after_fork(result == 0, guard ? &guard.thread() : nullptr);
  }
  served_memory_changed(change, result >= 0);
  return result;
}

FAULTLINE_EXPORT int pipe2(int ends[2], int flags) noexcept {
  return asked_by_unwinder(FAULTLINE_CALL_POINT) ? answer_pipe(ends) : real::pipe2(ends, flags);
}

namespace {

// The shim makes system calls of its own in the middle of a lock function: behind a filter that does not know
// them they would be the program's death. What was recorded so far stays.
void filter_is_coming() {
  if (recording())
    switch_off(
        "the program restricts its own system calls (seccomp); its locks are not watched from here on");
}

}  // namespace

FAULTLINE_EXPORT int prctl(int option, ...) noexcept {
  va_list arguments;
  va_start(arguments, option);
  unsigned long words[4];
  for (unsigned long& word : words) word = va_arg(arguments, unsigned long);
  va_end(arguments);
  if (option == PR_SET_SECCOMP) filter_is_coming();
  return real::prctl(option, words[0], words[1], words[2], words[3]);
}

// syscall() is passed on by a jump, with every register and the stack as they were: programs clone and fork
// through it. Only while an unwinder walks, and for one number, does it look.
extern "C" __attribute__((visibility("hidden"), used)) long faultline_syscall_looked_at(long number, long a,
                                                                                        long b, long c,
                                                                                        long d, long e,
                                                                                        long f) {
  if (number == SYS_write && asked_by_unwinder(FAULTLINE_CALL_POINT))
    return answer_write(reinterpret_cast<const void*>(b));
  if (number == SYS_seccomp) filter_is_coming();
  return real::syscall(number, a, b, c, d, e, f);
}

static_assert(offsetof(ThreadLocal, walking) == 16 && SYS_seccomp == 317, "the assembly below knows them");
asm(R"(
  .text
  .globl syscall
  .type syscall, @function
syscall:
  .cfi_startproc
  movq _ZN9faultline3tlsE@gottpoff(%rip), %rax
  cmpb $0, %fs:16(%rax)
  jne faultline_syscall_looked_at
  cmpq $317, %rdi
  je faultline_syscall_looked_at
  jmp *_ZN9faultline4real7syscallE(%rip)
  .cfi_endproc
  .size syscall, . - syscall
)");
