// The page cache (mm/filemap.c): which pages of an inode are in memory, their locks, and the generic half of
// faults and write-back that file systems put into their tables.
//
// Lock order, as in the kernel: mmap_lock -> page_lock -> i_mmap_rwsem. A page's lock guards its flags and
// every change of how it is mapped: it is mapped only while locked and up to date, made writable only while
// locked and marked dirty, and write-protected again before write-back looks at it, so no store is lost.
// Never hold a page lock while touching memory of a program.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <vector>

#include "locks.h"
#include "shared_memory.h"

namespace tvfs {

struct AddressSpaceOps;
struct Inode;
struct VmArea;
struct VmFault;

inline constexpr std::size_t kMaxPages = 8;      // of one inode
inline constexpr std::size_t kMaxMappings = 16;  // of one inode; more work, but allocate

struct Page {
  Mutex lock{"page_lock"};
  bool uptodate = false;  // in the page cache; else the memfd has no such page either
  bool dirty = false;     // holds what storage does not
};

class AddressSpace {
 public:
  AddressSpace(Inode& inode, const AddressSpaceOps& ops)
      : host(inode), a_ops(ops), memory("tvfs-page-cache", kMaxPages * kPageSize) {
    // It grows under mmap_lock, where an allocation might wait for the real kernel's own.
    i_mmap.reserve(kMaxMappings);
  }

  Inode& host;
  const AddressSpaceOps& a_ops;
  SharedMemory memory;
  std::array<Page, kMaxPages> pages;
  Rwsem i_mmap_rwsem{"i_mmap_rwsem"};
  std::vector<VmArea*> i_mmap;  // where the inode is mapped; under i_mmap_rwsem

  std::byte* page_address(std::size_t index) const { return memory.alias() + index * kPageSize; }
};

// The page of this index, locked and up to date; reads it in where needed. On an error the lock is not held
// and `error` is set.
std::unique_lock<Mutex> read_and_lock_page(AddressSpace& mapping, std::size_t index, int& error);

// VmOps::fault and VmOps::map_pages for any file system. -EFAULT beyond the end of the file.
int filemap_fault(VmFault& fault);
bool filemap_map_pages(VmFault& fault);

// Write-back: stores every dirty page through writepage. Takes no lock but the pages' and what writepage
// takes, so that fsync and truncate may call it with inode_lock held.
int filemap_write_and_wait(AddressSpace& mapping);

// Drops the clean pages, out of all mappings too: the next touch reads storage.
void invalidate_mapping_pages(AddressSpace& mapping);

// Drops the pages from `first` on, dirty or not. The inode's size must already exclude them.
void truncate_inode_pages(AddressSpace& mapping, std::size_t first);

}  // namespace tvfs
