// The operations a file system gives to the rest of the kernel, and the inode they work on.
//
// The tables are the kernel's file_operations, vm_operations_struct and address_space_operations, reduced to
// what the scenarios need; a repaired file system differs from a broken one by its tables. Results are 0 or a
// number of bytes, or a negative errno, as in the kernel. Each comment names the locks its caller holds: that
// is the contract the scenarios break.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>

#include "locks.h"
#include "page_cache.h"
#include "uaccess.h"

namespace tvfs {

struct Inode;
struct VmArea;
struct VmFault;

// A null entry means that the file system has nothing to do there.
struct FileOps {
  // Before mmap_lock is taken. The kernel has no such hook: the first mail thread proposes it.
  int (*pre_mmap)(Inode&);

  // mmap_lock held exclusive. Sets the area's operations.
  int (*mmap)(Inode&, VmArea&);

  // No lock held. `buffer` is memory of the program and may fault.
  ssize_t (*read)(Inode&, std::size_t pos, void* buffer, std::size_t n, CopyBy by);
  ssize_t (*write)(Inode&, std::size_t pos, const void* buffer, std::size_t n, CopyBy by);

  // No lock held. Afterwards storage holds what was written and stored before the call.
  int (*fsync)(Inode&);

  // No lock held. In the kernel this is setattr, of another table.
  int (*truncate)(Inode&, std::size_t size);

  // No lock held. The whole pages [first, end) become a hole: they read as zeros and have no blocks.
  int (*punch_hole)(Inode&, std::size_t first, std::size_t end) = nullptr;

  // No lock held. Where storage holds page `i` is written to extents[i], as many as fit into `count`; a
  // negative number is a hole. `extents` is memory of the program and may fault. Returns how many.
  ssize_t (*fiemap)(Inode&, int* extents, std::size_t count, CopyBy by) = nullptr;

  // No lock held. One page from storage to memory of the kernel, past the page cache, which has nothing
  // dirty of it.
  int (*direct_read)(Inode&, std::size_t index, std::byte* to) = nullptr;
};

// All are called on the fault path, with mmap_lock held shared on behalf of the thread that faulted. A
// negative errno is a SIGBUS for that thread.
struct VmOps {
  // Returns 0 with the page up to date and locked in `fault.locked`.
  int (*fault)(VmFault& fault);

  // Maps what is in the page cache around the fault and can be had without waiting. Returns whether the page
  // itself was.
  bool (*map_pages)(VmFault& fault);

  // The first store to a page since it was written back. Returns 0 with the page locked in `fault.locked`;
  // -EAGAIN where it left the page cache meanwhile; kVmFaultRetry (mm.h) after it dropped mmap_lock.
  int (*page_mkwrite)(VmFault& fault);
};

// The page's lock is held. Filling and storing go between storage and the alias of the page cache.
struct AddressSpaceOps {
  int (*read_folio)(Inode&, std::size_t index);
  int (*writepage)(Inode&, std::size_t index);

  // Makes room in storage for a write into the page, and announces it. Null: there is always room.
  int (*write_begin)(Inode&, std::size_t index) = nullptr;
};

struct Inode {
  Inode(const FileOps& file_ops, const AddressSpaceOps& mapping_ops)
      : i_fop(&file_ops), i_mapping(*this, mapping_ops) {}

  const FileOps* i_fop;
  Rwsem i_rwsem{"inode_lock"};         // the kernel's inode_lock(): held over every write, truncate and fsync
  std::atomic<std::size_t> i_size{0};  // changes under i_rwsem; write-back and faults read it as it is
  AddressSpace i_mapping;
  BouncePage bounce;  // under i_rwsem
};

}  // namespace tvfs
