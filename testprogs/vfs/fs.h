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
  ssize_t (*read)(Inode&, std::size_t pos, void* buffer, std::size_t n);
  ssize_t (*write)(Inode&, std::size_t pos, const void* buffer, std::size_t n, CopyBy by);

  // No lock held. Afterwards storage holds what was written and stored before the call.
  int (*fsync)(Inode&);

  // No lock held. In the kernel this is setattr, of another table.
  int (*truncate)(Inode&, std::size_t size);
};

// All are called on the fault path, with mmap_lock held shared on behalf of the thread that faulted.
struct VmOps {
  // Returns 0 with the page up to date and locked in `fault.locked`.
  int (*fault)(VmFault& fault);

  // Maps what is in the page cache around the fault and can be had without waiting. Returns whether the page
  // itself was.
  bool (*map_pages)(VmFault& fault);

  // The first store to a page. Returns 0 with the page locked in `fault.locked`; -EAGAIN where it left the
  // page cache meanwhile.
  int (*page_mkwrite)(VmFault& fault);
};

// The page's lock is held. Filling and storing go between storage and the alias of the page cache.
struct AddressSpaceOps {
  int (*read_folio)(Inode&, std::size_t index);
  int (*writepage)(Inode&, std::size_t index);
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
