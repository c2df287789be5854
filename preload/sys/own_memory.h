// Reading and writing this process's memory where an address may be bad: a system call instead of a fault.
#pragma once

#include <sys/uio.h>

#include <cstddef>

#include "raw_syscall.h"

namespace faultline::sys {

// Copies up to `size` bytes from `from`; stops at the first byte that cannot be read. How many were copied, 0
// also where the system call is refused (a sandbox).
inline std::size_t copy_own_memory_some(void* to, const void* from, std::size_t size) {
  iovec local{to, size};
  iovec remote{const_cast<void*>(from), size};
  const long copied =
      call(SYS_process_vm_readv, call(SYS_getpid), as_long(&local), 1, as_long(&remote), 1, 0);
  return copied > 0 ? static_cast<std::size_t>(copied) : 0;
}

// All of `size` bytes, or false.
inline bool copy_own_memory(void* to, const void* from, std::size_t size) {
  return copy_own_memory_some(to, from, size) == size;
}

// Stores `size` bytes at `to`; false if it cannot be written.
inline bool store_own_memory(void* to, const void* from, std::size_t size) {
  iovec local{const_cast<void*>(from), size};
  iovec remote{to, size};
  return call(SYS_process_vm_writev, call(SYS_getpid), as_long(&local), 1, as_long(&remote), 1, 0) ==
         static_cast<long>(size);
}

}  // namespace faultline::sys
