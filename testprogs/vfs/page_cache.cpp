#include "page_cache.h"

#include <algorithm>
#include <cerrno>

#include "fs.h"
#include "mm.h"

namespace tvfs {

constexpr std::size_t kFaultAroundPages = 4;

static std::size_t pages_of(const Inode& inode) {
  return (inode.i_size.load() + kPageSize - 1) / kPageSize;
}

// The next store to the page faults, wherever it is mapped. The page's lock is held.
[[gnu::noinline]] static void page_mkclean(AddressSpace& mapping, std::size_t index) {
  const std::shared_lock guard(mapping.i_mmap_rwsem);
  for (VmArea* vma : mapping.i_mmap)
    if (vma->writable && vma->maps(index)) vma->mm.uffd.write_protect(vma->address_of(index));
}

static void drop_page(AddressSpace& mapping, std::size_t index) {
  Page& page = mapping.pages[index];
  page.uptodate = false;
  page.dirty = false;
  mapping.memory.drop_page(index * kPageSize);
}

std::unique_lock<Mutex> read_and_lock_page(AddressSpace& mapping, std::size_t index, int& error) {
  Page& page = mapping.pages[index];
  std::unique_lock locked(page.lock);
  error = page.uptodate ? 0 : mapping.a_ops.read_folio(mapping.host, index);
  if (error != 0) return {};
  page.uptodate = true;
  return locked;
}

int filemap_fault(VmFault& fault) {
  AddressSpace& mapping = fault.vma.inode.i_mapping;
  if (fault.index >= pages_of(mapping.host)) return -EFAULT;
  int error = 0;
  fault.locked = read_and_lock_page(mapping, fault.index, error);
  return error;
}

bool filemap_map_pages(VmFault& fault) {
  AddressSpace& mapping = fault.vma.inode.i_mapping;
  const std::size_t first = fault.index / kFaultAroundPages * kFaultAroundPages;
  const std::size_t end = std::min(first + kFaultAroundPages, pages_of(mapping.host));
  bool mapped = false;
  for (std::size_t index = first; index < end; ++index) {
    if (!fault.vma.maps(index)) continue;
    const std::unique_lock locked(mapping.pages[index].lock, std::try_to_lock);
    if (!locked || !mapping.pages[index].uptodate) continue;
    fault.vma.mm.uffd.map_page(fault.vma.address_of(index), false);
    mapped |= index == fault.index;
  }
  return mapped;
}

int filemap_write_and_wait(AddressSpace& mapping) {
  for (std::size_t index = 0; index < kMaxPages; ++index) {
    Page& page = mapping.pages[index];
    const std::lock_guard guard(page.lock);
    if (!page.dirty) continue;
    page_mkclean(mapping, index);
    if (const int error = mapping.a_ops.writepage(mapping.host, index); error != 0) return error;
    page.dirty = false;
  }
  return 0;
}

void invalidate_mapping_pages(AddressSpace& mapping) {
  for (std::size_t index = 0; index < kMaxPages; ++index) {
    const std::lock_guard guard(mapping.pages[index].lock);
    if (mapping.pages[index].uptodate && !mapping.pages[index].dirty) drop_page(mapping, index);
  }
}

void truncate_inode_pages(AddressSpace& mapping, std::size_t first) {
  for (std::size_t index = first; index < kMaxPages; ++index) {
    const std::lock_guard guard(mapping.pages[index].lock);
    if (mapping.pages[index].uptodate) drop_page(mapping, index);
  }
}

}  // namespace tvfs
