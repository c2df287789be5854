#include "ext2ish.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <array>

#include "mm.h"

namespace tvfs {

static SimpleInode& ext2_inode(Inode& inode) {
  return static_cast<SimpleInode&>(inode);
}

static std::size_t chunk_at(std::size_t pos, std::size_t n) {
  return std::min(n, kPageSize - pos % kPageSize);
}

// ---- file_operations ----

static ssize_t generic_file_write(Inode& base, std::size_t pos, const void* buffer, std::size_t n,
                                  CopyBy by) {
  SimpleInode& inode = ext2_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  for (std::size_t done = 0; done < n;) {
    const std::size_t at = pos + done;
    const std::size_t chunk = chunk_at(at, n - done);
    const std::byte* const from = static_cast<const std::byte*>(buffer) + done;
    std::unique_lock<Mutex> locked;
    if (const int error = simple_write_begin(inode, at, chunk, locked); error != 0) return error;
    faultline_might_fault(from, chunk);
    std::byte* const to = inode.i_mapping.page_address(0) + at;
    if (const int error = copy_from_user(to, from, chunk, by); error != 0) return error;
    simple_write_end(inode, at, chunk);
    done += chunk;
  }
  return static_cast<ssize_t>(n);
}

static ssize_t generic_file_write_atomic(Inode& base, std::size_t pos, const void* buffer, std::size_t n,
                                         CopyBy) {
  SimpleInode& inode = ext2_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  for (std::size_t done = 0; done < n;) {
    const std::size_t at = pos + done;
    const std::size_t chunk = chunk_at(at, n - done);
    const std::byte* const from = static_cast<const std::byte*>(buffer) + done;
    if (const int error = fault_in_readable(from, chunk); error != 0) return error;
    std::unique_lock<Mutex> locked;
    if (const int error = simple_write_begin(inode, at, chunk, locked); error != 0) return error;
    const std::size_t copied = copy_from_user_nofault(inode.i_mapping.page_address(0) + at, from, chunk);
    if (copied != 0) simple_write_end(inode, at, copied);
    done += copied;
  }
  return static_cast<ssize_t>(n);
}

static int ext2_setsize(Inode& inode, std::size_t size) {
  const std::lock_guard guard(inode.i_rwsem);
  return simple_setsize(ext2_inode(inode), size);
}

static int generic_file_mmap(Inode&, VmArea& vma) {
  static constexpr VmOps kOps = {
      .fault = filemap_fault, .map_pages = filemap_map_pages, .page_mkwrite = filemap_page_mkwrite};
  vma.ops = &kOps;
  return 0;
}

template <Ext2Copy kCopy>
constexpr FileOps kFileOps = {
    .pre_mmap = nullptr,
    .mmap = generic_file_mmap,
    .read = simple_file_read,
    .write = kCopy == Ext2Copy::UnderPageLock ? generic_file_write : generic_file_write_atomic,
    .fsync = generic_file_fsync,
    .truncate = ext2_setsize};

const FileOps& ext2_file_operations(Ext2Copy copy) {
  return copy == Ext2Copy::UnderPageLock ? kFileOps<Ext2Copy::UnderPageLock> : kFileOps<Ext2Copy::Atomic>;
}

}  // namespace tvfs
