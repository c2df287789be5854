// The page cache (mm/filemap.c): which pages of an inode are in memory, their locks, and the generic half of
// faults and write-back that file systems put into their tables.
//
// Lock order, as in the kernel: mmap_lock -> page_lock -> i_mmap_rwsem. A page's lock guards its flags and
// every change of how it is mapped: it is mapped only while locked and up to date, made writable only while
// locked and marked dirty, and write-protected again before write-back looks at it, so no store is lost.
// Never hold a page lock while touching memory of a program.
#pragma once

#include <array>
#include <atomic>
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

// What validators are told of a page: that "page->mapping" (whether it is in the page cache) changes under
// its lock, and that it becomes dirty only after its file system was told that it will.
struct Page {
  Mutex lock{"page_lock"};
  std::atomic<bool> uptodate{false};  // in the page cache, filled; else the memfd has no such page either
  bool dirty = false;                 // holds what storage does not
  int pins = 0;                       // by who will write to it without a mapping (gup.h)
  int pins_against_writeback = 0;     // those of them that write-back must wait for
};

// Whether the page is in the page cache. Its lock is held, or whatever else keeps it from leaving.
bool page_in_cache(const Page& page);
// A first look without a lock, to be repeated under it.
bool page_may_be_in_cache(const Page& page);

// The file system knows that the page will be written, and has made room for it in storage: what page_mkwrite
// and write_begin are for. The page's lock is held.
void page_write_announced(Page& page);

// The page holds what storage does not. To be called between page_write_announced and the next write-back.
// The page's lock is held.
void set_page_dirty(Page& page);

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

// The number of pages that the file reaches into.
std::size_t pages_of(const Inode& inode);

// The page of this index, locked and up to date; reads it in where needed. On an error the lock is not held
// and `error` is set. The caller keeps the file from being truncated.
std::unique_lock<Mutex> read_and_lock_page(AddressSpace& mapping, std::size_t index, int& error);

// The same where nothing keeps the file's size: -EFAULT beyond its end. Truncate changes the size first and
// then takes the lock of each page it drops, so while the page is locked it is part of the file.
std::unique_lock<Mutex> read_and_lock_page_in_file(AddressSpace& mapping, std::size_t index, int& error);

// VmOps for any file system. Fault: -EFAULT beyond the end of the file.
int filemap_fault(VmFault& fault);
bool filemap_map_pages(VmFault& fault);
int filemap_page_mkwrite(VmFault& fault);

// For a VmOps::map_pages: calls `map_page` for each page of the file around the fault that is mapped there.
// Its own page comes last, since the thread that waits for it then goes on. Returns what that call returned.
bool map_around(VmFault& fault, bool (*map_page)(VmFault& fault, std::size_t index));

// Write-back: stores every dirty page through writepage. Takes no lock but the pages' and what writepage
// takes, so that fsync and truncate may call it with inode_lock held. An error leaves its page dirty and the
// others stored, and the first is returned. Pages that are
// pinned against it stay dirty.
int filemap_write_and_wait(AddressSpace& mapping);

// Drops the pages [first, end), dirty or not. For a hole: what they held is to be zero.
void truncate_pagecache_range(AddressSpace& mapping, std::size_t first, std::size_t end);

// Drops the clean pages that nobody has pinned, out of all mappings too: the next touch reads storage.
void invalidate_mapping_pages(AddressSpace& mapping);

// Drops the pages from `first` on, dirty or not. The inode's size must already exclude them.
void truncate_inode_pages(AddressSpace& mapping, std::size_t first);

}  // namespace tvfs
