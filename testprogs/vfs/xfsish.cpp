#include "xfsish.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "libfs.h"
#include "mm.h"
#include "panic.h"

namespace tvfs {

static XfsInode& xfs_inode(Inode& inode) {
  return static_cast<XfsInode&>(inode);
}

// ---- blocks ----

static int xfs_find_block(XfsInode& inode, std::size_t index) {
  const std::shared_lock guard(inode.i_lock);
  return inode.blocks[index];
}

static int xfs_get_block(XfsInode& inode, std::size_t index) {
  const std::lock_guard guard(inode.i_lock);
  if (inode.blocks[index] == kNoBlock) inode.blocks[index] = inode.device.allocate();
  return inode.blocks[index] == kNoBlock ? -ENOSPC : 0;
}

static void xfs_free_blocks(XfsInode& inode, std::size_t first, std::size_t end) {
  const std::lock_guard guard(inode.i_lock);
  for (std::size_t index = first; index < end; ++index) {
    if (inode.blocks[index] != kNoBlock) inode.device.release(inode.blocks[index]);
    inode.blocks[index] = kNoBlock;
  }
}

// ---- address_space_operations: the page's lock is held ----

static int xfs_read_folio(Inode& base, std::size_t index) {
  XfsInode& inode = xfs_inode(base);
  std::byte* const page = inode.i_mapping.page_address(index);
  if (const int block = xfs_find_block(inode, index); block != kNoBlock)
    return inode.device.read(block, page);
  std::memset(page, 0, kPageSize);
  return 0;
}

static int xfs_writepage(Inode& base, std::size_t index) {
  XfsInode& inode = xfs_inode(base);
  const int block = xfs_find_block(inode, index);
  if (block == kNoBlock) return -EIO;
  std::memcpy(inode.device.bytes(block), inode.i_mapping.page_address(index), kPageSize);
  return 0;
}

static int xfs_write_begin(Inode& base, std::size_t index) {
  if (const int error = xfs_get_block(xfs_inode(base), index); error != 0) return error;
  page_write_announced(base.i_mapping.pages[index]);
  return 0;
}

constexpr AddressSpaceOps kAddressSpaceOps = {
    .read_folio = xfs_read_folio, .writepage = xfs_writepage, .write_begin = xfs_write_begin};

// ---- vm_operations ----

[[gnu::noinline]] static int xfs_filemap_fault(VmFault& fault) {
  const std::shared_lock guard(xfs_inode(fault.vma.inode).i_mmaplock);
  return filemap_fault(fault);
}

[[gnu::noinline]] static int xfs_filemap_page_mkwrite(VmFault& fault) {
  XfsInode& inode = xfs_inode(fault.vma.inode);
  const std::shared_lock guard(inode.i_mmaplock);
  Page& page = inode.i_mapping.pages[fault.index];
  std::unique_lock locked(page.lock);
  if (!page_in_cache(page)) return -EAGAIN;
  if (const int error = xfs_write_begin(inode, fault.index); error != 0) return error;
  set_page_dirty(page);
  fault.locked = std::move(locked);
  return 0;
}

// Maps what a look at the index says is there. Nothing of the page is locked here: it may leave between the
// look and the mapping unless the caller keeps it.
static bool xfs_map_page(VmFault& fault, std::size_t index) {
  if (!page_in_cache(fault.vma.inode.i_mapping.pages[index])) return false;
  fault.vma.mm.uffd.map_page(fault.vma.address_of(index), false);
  return true;
}

[[gnu::noinline]] static bool xfs_map_indexed_pages(VmFault& fault) {
  return map_around(fault, xfs_map_page);
}

static bool xfs_filemap_map_pages(VmFault& fault) {
  const std::shared_lock guard(xfs_inode(fault.vma.inode).i_mmaplock);
  return filemap_map_pages(fault);
}

constexpr VmOps vm_ops(bool (*map_pages)(VmFault&)) {
  return {.fault = xfs_filemap_fault, .map_pages = map_pages, .page_mkwrite = xfs_filemap_page_mkwrite};
}

constexpr VmOps kVmOpsNothing = vm_ops(xfs_map_indexed_pages);
constexpr VmOps kVmOpsTryLock = vm_ops(filemap_map_pages);
constexpr VmOps kVmOpsMmapLock = vm_ops(xfs_filemap_map_pages);

// ---- file_operations ----

// What lies behind `from` in its page becomes zero: a program that has it mapped may have stored there, and
// it will be, or was, part of the file. inode_lock is held exclusive.
static int xfs_zero_tail(Inode& inode, std::size_t from) {
  if (from % kPageSize == 0) return 0;
  int error = 0;
  const auto locked = read_and_lock_page(inode.i_mapping, from / kPageSize, error);
  if (error == 0) error = xfs_write_begin(inode, from / kPageSize);
  if (error != 0) return error;
  std::memset(inode.i_mapping.page_address(0) + from, 0, kPageSize - from % kPageSize);
  set_page_dirty(inode.i_mapping.pages[from / kPageSize]);
  return 0;
}

static ssize_t xfs_file_write(Inode& inode, std::size_t pos, const void* buffer, std::size_t n, CopyBy by) {
  const std::lock_guard guard(inode.i_rwsem);
  if (pos + n > inode.i_size) {
    if (const int error = xfs_zero_tail(inode, inode.i_size); error != 0) return error;
    inode.i_mapping.memory.resize(pos + n);
  }
  for (std::size_t done = 0; done < n;) {
    const std::size_t at = pos + done;
    const std::size_t chunk = std::min(n - done, kPageSize - at % kPageSize);
    int error = inode.bounce.copy_from_user(static_cast<const std::byte*>(buffer) + done, chunk, by);
    if (error != 0) return error;
    const auto locked = read_and_lock_page(inode.i_mapping, at / kPageSize, error);
    if (error == 0) error = xfs_write_begin(inode, at / kPageSize);
    if (error != 0) return error;
    std::memcpy(inode.i_mapping.page_address(0) + at, inode.bounce.data(), chunk);
    set_page_dirty(inode.i_mapping.pages[at / kPageSize]);
    done += chunk;
    inode.i_size = std::max(inode.i_size.load(), pos + done);
  }
  return static_cast<ssize_t>(n);
}

// With IOLOCK held shared over the copy to the program, as xfs does.
static ssize_t xfs_file_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n, CopyBy by) {
  const std::shared_lock guard(inode.i_rwsem);
  std::array<std::byte, 512> copy;
  std::size_t done = 0;
  while (done < n && pos + done < inode.i_size) {
    const std::size_t at = pos + done;
    const std::size_t chunk =
        std::min({copy.size(), n - done, kPageSize - at % kPageSize, inode.i_size - at});
    int error = 0;
    {
      const auto locked = read_and_lock_page(inode.i_mapping, at / kPageSize, error);
      if (error != 0) return error;
      std::memcpy(copy.data(), inode.i_mapping.page_address(0) + at, chunk);
    }
    error = copy_to_user(static_cast<std::byte*>(buffer) + done, copy.data(), chunk, by);
    if (error != 0) return error;
    done += chunk;
  }
  return static_cast<ssize_t>(done);
}

static int xfs_setattr_size(Inode& base, std::size_t size) {
  XfsInode& inode = xfs_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const std::lock_guard mmaplock(inode.i_mmaplock);
  const std::size_t end = (size + kPageSize - 1) / kPageSize;
  if (const int error = xfs_zero_tail(inode, std::min(size, inode.i_size.load())); error != 0) return error;
  if (size > inode.i_size) inode.i_mapping.memory.resize(size);
  inode.i_size = size;
  truncate_inode_pages(inode.i_mapping, end);
  inode.i_mapping.memory.resize(size);
  xfs_free_blocks(inode, end, kMaxPages);
  return 0;
}

[[gnu::noinline]] static int xfs_free_file_space(Inode& base, std::size_t first, std::size_t end) {
  XfsInode& inode = xfs_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const std::lock_guard mmaplock(inode.i_mmaplock);
  truncate_pagecache_range(inode.i_mapping, first, std::min(end, pages_of(inode)));
  xfs_free_blocks(inode, first, end);
  return 0;
}

template <const VmOps& operations>
static int xfs_file_mmap(Inode&, VmArea& vma) {
  vma.ops = &operations;
  return 0;
}

static constexpr FileOps file_ops(int (*mmap)(Inode&, VmArea&)) {
  return {.pre_mmap = nullptr,
          .mmap = mmap,
          .read = xfs_file_read,
          .write = xfs_file_write,
          .fsync = generic_file_fsync,
          .truncate = xfs_setattr_size,
          .punch_hole = xfs_free_file_space};
}

constexpr FileOps kFileOpsNothing = file_ops(xfs_file_mmap<kVmOpsNothing>);
constexpr FileOps kFileOpsTryLock = file_ops(xfs_file_mmap<kVmOpsTryLock>);
constexpr FileOps kFileOpsMmapLock = file_ops(xfs_file_mmap<kVmOpsMmapLock>);

static const FileOps& file_ops_of(MapPages map_pages) {
  switch (map_pages) {
    case MapPages::Nothing:
      return kFileOpsNothing;
    case MapPages::TryLock:
      return kFileOpsTryLock;
    case MapPages::MmapLock:
      return kFileOpsMmapLock;
  }
  panic("a way to map pages that is none", EINVAL);
}

// ---- the mounted file system ----

XfsInode::XfsInode(BlockDevice& storage, MapPages map_pages)
    : Inode(file_ops_of(map_pages), kAddressSpaceOps), device(storage) {
  // A class of its own, as each file system's inode lock is in the kernel.
  faultline_name_rwlock(i_rwsem.native_handle(), "IOLOCK");
  blocks.fill(kNoBlock);
}

Xfs::Xfs(MapPages map_pages, std::size_t files) : device_(files * kMaxPages) {
  for (std::size_t i = 0; i < files; ++i) inodes_.emplace_back(device_, map_pages);
}

std::vector<std::byte> Xfs::stored(XfsInode& inode) {
  std::vector<std::byte> content(inode.i_size);
  for (std::size_t index = 0; index * kPageSize < content.size(); ++index) {
    if (inode.blocks[index] == kNoBlock) continue;
    std::copy_n(inode.device.bytes(inode.blocks[index]),
                std::min(content.size() - index * kPageSize, kPageSize),
                content.begin() + static_cast<std::ptrdiff_t>(index * kPageSize));
  }
  return content;
}

void Xfs::set_unreadable(XfsInode& inode, std::size_t index, bool unreadable) {
  const std::shared_lock guard(inode.i_lock);
  device_.set_unreadable(inode.blocks[index], unreadable);
}

}  // namespace tvfs
