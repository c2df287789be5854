// What the kernel calls uaccess: copying from memory that belongs to a program and may fault.
//
// The kernel faults the user's buffer in and then copies into the page cache with faults disabled, because it
// holds the page's lock and a fault may need it. A user-space program cannot disable its faults, so the model
// copies in two steps: user memory -> bounce page, holding whatever the caller holds but no page lock, and
// bounce page -> page cache under the page lock.
#pragma once

#include <cstddef>

#include "shared_memory.h"

namespace tvfs {

// Who touches the user's memory, so that both kinds of fault can be had on the same path.
enum class CopyBy {
  OwnLoad,     // an instruction of the file system itself: a user-mode fault
  RealKernel,  // pwrite(2) with the user's buffer: a fault of the kernel's own copy
};

// One page of kernel memory to copy into. Not thread-safe: it belongs to an inode and is used under its
// inode_lock.
class BouncePage {
 public:
  BouncePage() : memory_("tvfs-bounce", kPageSize) { memory_.resize(kPageSize); }
  const std::byte* data() const { return memory_.alias(); }

  // Copies n <= kPageSize bytes of `user` to data(). Returns 0, or -EFAULT where the kernel's copy met memory
  // it may not read (the file system's own load would end in a SIGSEGV there, as it would in the program).
  int copy_from_user(const void* user, std::size_t n, CopyBy by);

 private:
  SharedMemory memory_;
};

}  // namespace tvfs
