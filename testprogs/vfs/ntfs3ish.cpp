#include "ntfs3ish.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "mm.h"
#include "schedule.h"

namespace tvfs {

static Ntfs3Inode& ntfs_inode(Inode& inode) {
  return static_cast<Ntfs3Inode&>(inode);
}

// ---- fiemap ----

static int fiemap_fill_extent(int* extents, std::size_t index, int block, CopyBy by) {
  std::array<std::byte, sizeof block> bytes;
  std::memcpy(bytes.data(), &block, sizeof block);
  faultline_might_fault(extents + index, sizeof block);
  return copy_to_user(extents + index, bytes.data(), bytes.size(), by);
}

static ssize_t ntfs_fiemap(Inode& base, int* extents, std::size_t count, CopyBy by) {
  Ntfs3Inode& inode = ntfs_inode(base);
  const std::size_t told = std::min(count, pages_of(inode));
  const std::lock_guard guard(inode.ni_lock);
  schedule_point(Place::NiLocked);
  for (std::size_t index = 0; index < told; ++index)
    if (const int error = fiemap_fill_extent(extents, index, simple_block_of(inode, index), by); error != 0)
      return error;
  return static_cast<ssize_t>(told);
}

static ssize_t ntfs_fiemap_unlocked(Inode& base, int* extents, std::size_t count, CopyBy by) {
  Ntfs3Inode& inode = ntfs_inode(base);
  const std::size_t told = std::min(count, pages_of(inode));
  std::array<int, kMaxPages> blocks{};
  {
    const std::lock_guard guard(inode.ni_lock);
    for (std::size_t index = 0; index < told; ++index) blocks[index] = simple_block_of(inode, index);
  }
  for (std::size_t index = 0; index < told; ++index)
    if (const int error = fiemap_fill_extent(extents, index, blocks[index], by); error != 0) return error;
  return static_cast<ssize_t>(told);
}

// ---- the other file_operations ----

static int ntfs_fallocate_punch(Inode& base, std::size_t first, std::size_t end) {
  Ntfs3Inode& inode = ntfs_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const std::lock_guard no_faults(inode.invalidate_lock);
  truncate_pagecache_range(inode.i_mapping, first, end);
  schedule_point(Place::InvalidateLocked);
  const std::lock_guard metadata(inode.ni_lock);
  simple_free_blocks(inode, first, end);
  return 0;
}

static int ntfs_truncate(Inode& base, std::size_t size) {
  Ntfs3Inode& inode = ntfs_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const std::lock_guard no_faults(inode.invalidate_lock);
  const std::lock_guard metadata(inode.ni_lock);
  return simple_setsize(inode, size);
}

static ssize_t ntfs_file_write(Inode& base, std::size_t pos, const void* buffer, std::size_t n, CopyBy by) {
  Ntfs3Inode& inode = ntfs_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  for (std::size_t done = 0; done < n;) {
    const std::size_t at = pos + done;
    const std::size_t chunk = std::min(n - done, kPageSize - at % kPageSize);
    int error = inode.bounce.copy_from_user(static_cast<const std::byte*>(buffer) + done, chunk, by);
    if (error != 0) return error;
    std::unique_lock<Mutex> locked;
    error = simple_write_begin(inode, at, chunk, locked);
    if (error != 0) return error;
    std::memcpy(inode.i_mapping.page_address(0) + at, inode.bounce.data(), chunk);
    simple_write_end(inode, at, chunk);
    done += chunk;
  }
  return static_cast<ssize_t>(n);
}

// ---- vm_operations ----

static int ntfs_filemap_fault(VmFault& fault) {
  const std::shared_lock guard(ntfs_inode(fault.vma.inode).invalidate_lock);
  return filemap_fault(fault);
}

static int ntfs_mmap(Inode&, VmArea& vma) {
  static constexpr VmOps kOps = {
      .fault = ntfs_filemap_fault, .map_pages = filemap_map_pages, .page_mkwrite = filemap_page_mkwrite};
  vma.ops = &kOps;
  return 0;
}

template <Ntfs3Fiemap kFiemap>
constexpr FileOps kFileOps = {
    .pre_mmap = nullptr,
    .mmap = ntfs_mmap,
    .read = simple_file_read,
    .write = ntfs_file_write,
    .fsync = generic_file_fsync,
    .truncate = ntfs_truncate,
    .punch_hole = ntfs_fallocate_punch,
    .fiemap = kFiemap == Ntfs3Fiemap::CopyUnderLock ? ntfs_fiemap : ntfs_fiemap_unlocked};

const FileOps& ntfs3_file_operations(Ntfs3Fiemap fiemap) {
  return fiemap == Ntfs3Fiemap::CopyUnderLock ? kFileOps<Ntfs3Fiemap::CopyUnderLock>
                                              : kFileOps<Ntfs3Fiemap::CopyAfterUnlock>;
}

}  // namespace tvfs
