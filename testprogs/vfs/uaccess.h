// What the kernel calls uaccess: copying to and from memory that belongs to a program and may fault.
//
// The kernel faults the user's buffer in and then copies between it and the page cache with faults disabled,
// because it holds the page's lock and a fault may need it. The plain copies here go by a bounce page instead
// (user memory -> bounce page, holding whatever the caller holds but no page lock; bounce page -> page cache
// under the page lock), so that every fault of theirs is a real one. The copies with faults disabled are the
// kernel's way: they stop at the first page that would fault, and the caller lets go of its locks, faults
// the page in and goes on. Results are 0, or -EFAULT where a touch cannot be served; a pointer to nothing at
// all ends in a SIGSEGV, as in the program.
#pragma once

#include <cstddef>

#include "shared_memory.h"

namespace tvfs {

// Who touches the user's memory, so that both kinds of fault can be had on the same path.
enum class CopyBy {
  OwnAccess,   // an instruction of the file system itself: a user-mode fault
  RealKernel,  // pwrite(2) or pread(2) with the user's buffer: a fault of the kernel's own copy
};

// Copies n bytes, whatever their number; holds nothing but what the caller holds.
[[nodiscard]] int copy_from_user(std::byte* to, const void* user, std::size_t n, CopyBy by);
[[nodiscard]] int copy_to_user(void* user, const std::byte* from, std::size_t n, CopyBy by);

// Faults are disabled: the copy ends before the first page that would fault, and no fault is taken. Returns
// how many bytes were copied. Whatever lock may be held.
std::size_t copy_from_user_nofault(std::byte* to, const void* user, std::size_t n);
std::size_t copy_to_user_nofault(void* user, const std::byte* from, std::size_t n);

// Touches the pages of [user, user + n), so that a copy with faults disabled gets on. No lock that a fault
// may need is held. The pages may be gone again at once: a copy that comes back short is tried again.
[[nodiscard]] int fault_in_readable(const void* user, std::size_t n);
[[nodiscard]] int fault_in_writeable(void* user, std::size_t n);

// One page of kernel memory to copy into. Not thread-safe: it belongs to an inode and is used under its
// inode_lock.
class BouncePage {
 public:
  BouncePage() : memory_("tvfs-bounce", kPageSize) { memory_.resize(kPageSize); }
  const std::byte* data() const { return memory_.alias(); }

  // Copies n <= kPageSize bytes of `user` to data().
  [[nodiscard]] int copy_from_user(const void* user, std::size_t n, CopyBy by);

  // Copies the first n <= kPageSize bytes of data() to `user`.
  [[nodiscard]] int copy_to_user(void* user, std::size_t n, CopyBy by);

  std::byte* bytes() { return memory_.alias(); }

 private:
  SharedMemory memory_;
};

}  // namespace tvfs
