#include "page_cache.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <cerrno>

#include "fs.h"
#include "mm.h"
#include "schedule.h"

namespace tvfs {

constexpr std::size_t kFaultAroundPages = 4;

constexpr const char* kMapping = "page->mapping";
constexpr const char* kAnnounced = "write notification";

std::size_t pages_of(const Inode& inode) {
  return (inode.i_size.load() + kPageSize - 1) / kPageSize;
}

// ---- one page ----

bool page_in_cache(const Page& page) {
  faultline_state_read(&page, kMapping);
  return page.uptodate;
}

bool page_may_be_in_cache(const Page& page) {
  faultline_state_racy_read(&page, kMapping);
  return page.uptodate;
}

void page_write_announced(Page& page) {
  faultline_token_give(&page, kAnnounced);
}

[[gnu::noinline]] void set_page_dirty(Page& page) {
  faultline_token_require(&page, kAnnounced);
  page.dirty = true;
}

[[gnu::noinline]] static void clear_page_dirty(Page& page) {
  faultline_token_revoke(&page, kAnnounced);
  page.dirty = false;
}

// A page as the kernel makes it: nobody has seen it before it is in the index.
static void add_to_page_cache(Page& page) {
  faultline_state_created(&page);
  page.uptodate = true;
}

[[gnu::noinline]] static void delete_from_page_cache(Page& page) {
  faultline_state_write(&page, kMapping);
  page.uptodate = false;
}

// ---- mappings of a page: its lock is held ----

// No mapping has the page any more.
[[gnu::noinline]] static void unmap_mapping_page(AddressSpace& mapping, std::size_t index) {
  const std::shared_lock guard(mapping.i_mmap_rwsem);
  for (VmArea* vma : mapping.i_mmap)
    if (vma->maps(index)) vma->mm.uffd.unmap_page(vma->address_of(index));
}

// The next store to the page faults, wherever it is mapped.
[[gnu::noinline]] static void page_mkclean(AddressSpace& mapping, std::size_t index) {
  const std::shared_lock guard(mapping.i_mmap_rwsem);
  for (VmArea* vma : mapping.i_mmap)
    if (vma->writable && vma->maps(index)) vma->mm.uffd.write_protect(vma->address_of(index));
}

static void drop_page(AddressSpace& mapping, std::size_t index) {
  Page& page = mapping.pages[index];
  unmap_mapping_page(mapping, index);
  schedule_point(Place::PageUnmapped);
  delete_from_page_cache(page);
  schedule_point(Place::PageDeleted);
  clear_page_dirty(page);
  mapping.memory.drop_page(index * kPageSize);
}

// ---- for file systems ----

// The page's lock is held.
static int fill_page(AddressSpace& mapping, std::size_t index) {
  Page& page = mapping.pages[index];
  if (page_in_cache(page)) return 0;
  if (const int error = mapping.a_ops.read_folio(mapping.host, index); error != 0) return error;
  add_to_page_cache(page);
  return 0;
}

std::unique_lock<Mutex> read_and_lock_page(AddressSpace& mapping, std::size_t index, int& error) {
  std::unique_lock locked(mapping.pages[index].lock);
  error = fill_page(mapping, index);
  if (error != 0) return {};
  return locked;
}

std::unique_lock<Mutex> read_and_lock_page_in_file(AddressSpace& mapping, std::size_t index, int& error) {
  std::unique_lock locked(mapping.pages[index].lock);
  error = index < pages_of(mapping.host) ? fill_page(mapping, index) : -EFAULT;
  if (error != 0) return {};
  return locked;
}

int filemap_fault(VmFault& fault) {
  int error = 0;
  fault.locked = read_and_lock_page_in_file(fault.vma.inode.i_mapping, fault.index, error);
  return error;
}

bool map_around(VmFault& fault, bool (*map_page)(VmFault& fault, std::size_t index)) {
  const std::size_t first = fault.index / kFaultAroundPages * kFaultAroundPages;
  const std::size_t in_area = fault.vma.length / kPageSize;
  const std::size_t end = std::min({first + kFaultAroundPages, pages_of(fault.vma.inode), in_area});
  for (std::size_t index = first; index < end; ++index)
    if (index != fault.index) map_page(fault, index);
  return fault.index < end && map_page(fault, fault.index);
}

// Never waits for a page: a look without its lock, a try for it, and a look again. A page that is about to
// leave is locked by who takes it out.
static bool try_map_page(VmFault& fault, std::size_t index) {
  Page& page = fault.vma.inode.i_mapping.pages[index];
  if (!page_may_be_in_cache(page)) return false;
  const std::unique_lock locked(page.lock, std::try_to_lock);
  if (!locked || !page_in_cache(page)) return false;
  fault.vma.mm.uffd.map_page(fault.vma.address_of(index), false);
  return true;
}

bool filemap_map_pages(VmFault& fault) {
  return map_around(fault, try_map_page);
}

int filemap_page_mkwrite(VmFault& fault) {
  Page& page = fault.vma.inode.i_mapping.pages[fault.index];
  std::unique_lock locked(page.lock);
  if (!page_in_cache(page)) return -EAGAIN;
  page_write_announced(page);
  set_page_dirty(page);
  fault.locked = std::move(locked);
  return 0;
}

int filemap_write_and_wait(AddressSpace& mapping) {
  int first_error = 0;
  for (std::size_t index = 0; index < kMaxPages; ++index) {
    Page& page = mapping.pages[index];
    const std::lock_guard guard(page.lock);
    if (!page.dirty || page.pins_against_writeback != 0) continue;
    page_mkclean(mapping, index);
    if (const int error = mapping.a_ops.writepage(mapping.host, index); error == 0)
      clear_page_dirty(page);
    else if (first_error == 0)
      first_error = error;
  }
  return first_error;
}

void truncate_pagecache_range(AddressSpace& mapping, std::size_t first, std::size_t end) {
  for (std::size_t index = first; index < end; ++index) {
    const std::lock_guard guard(mapping.pages[index].lock);
    if (page_in_cache(mapping.pages[index])) drop_page(mapping, index);
  }
}

void invalidate_mapping_pages(AddressSpace& mapping) {
  for (std::size_t index = 0; index < kMaxPages; ++index) {
    const Page& page = mapping.pages[index];
    const std::lock_guard guard(mapping.pages[index].lock);
    if (page_in_cache(page) && !page.dirty && page.pins == 0) drop_page(mapping, index);
  }
}

void truncate_inode_pages(AddressSpace& mapping, std::size_t first) {
  truncate_pagecache_range(mapping, first, kMaxPages);
}

}  // namespace tvfs
