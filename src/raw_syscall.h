// System calls without libc's wrappers: no errno, no cancellation point, no hook of ours. A result below zero
// is -errno.
#pragma once

#include <sys/syscall.h>

namespace faultline::sys {

#if !defined(__x86_64__)
#error "raw_syscall.h knows x86-64 only"
#endif

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <class T>
inline long as_long(T* p) {
  return reinterpret_cast<long>(p);
}

}  // namespace faultline::sys
