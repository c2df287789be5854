// Reading and writing this process's memory where an address may be bad: a system call instead of a fault.
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstring>

#include "raw_syscall.h"

namespace faultline::sys {

// The memory goes by the calling thread: a main thread that has left by pthread_exit has none any more.
inline long own_id() {
  return call(SYS_gettid);
}

// Copies `size` bytes from `from`. 0, or -errno: EFAULT where not all of that memory is there (`to` may hold
// its beginning), EPERM or ENOSYS where a sandbox refuses the call and nothing is known.
inline long probe_own_memory(void* to, const void* from, std::size_t size) {
  iovec local{to, size};
  iovec remote{const_cast<void*>(from), size};
  const long copied = call(SYS_process_vm_readv, own_id(), as_long(&local), 1, as_long(&remote), 1, 0);
  return copied < 0 ? copied : copied == static_cast<long>(size) ? 0 : -EFAULT;
}

// The same for what a program hands to a system call: nearly always good. Where it cannot be probed it is
// simply read.
inline bool copy_argument(void* to, const void* from, std::size_t size) {
  const long error = probe_own_memory(to, from, size);
  if (error == -EFAULT) return false;
  if (error != 0) std::memcpy(to, from, size);
  return true;
}

// Stores `size` bytes where a program asked for them; false if they cannot be stored.
inline bool store_result(void* to, const void* from, std::size_t size) {
  iovec local{const_cast<void*>(from), size};
  iovec remote{to, size};
  const long stored = call(SYS_process_vm_writev, own_id(), as_long(&local), 1, as_long(&remote), 1, 0);
  if (stored == static_cast<long>(size)) return true;
  if (stored >= 0 || stored == -EFAULT) return false;
  std::memcpy(to, from, size);
  return true;
}

// Whether the aligned word at `at` is `expected` now; false also where it cannot be read. The cheapest call
// that reads memory which may be gone, by a factor of five: a requeue of no waiter, which compares first.
inline bool word_is(const volatile void* at, unsigned expected) {
  static const unsigned nobodys = 0;
  return call(SYS_futex, as_long(at), FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, as_long(&nobodys), expected) >= 0;
}

}  // namespace faultline::sys
