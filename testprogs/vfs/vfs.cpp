#include "vfs.h"

#include <cerrno>

namespace tvfs {
namespace {

bool fits(const Inode& inode, std::size_t pos, std::size_t n) {
  const std::size_t largest = inode.i_mapping.memory.capacity();
  return n <= largest && pos <= largest - n;
}

}  // namespace

ssize_t vfs_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n, CopyBy by) {
  return inode.i_fop->read(inode, pos, buffer, n, by);
}

ssize_t vfs_write(Inode& inode, std::size_t pos, const void* buffer, std::size_t n, CopyBy by) {
  if (!fits(inode, pos, n)) return -EFBIG;
  return inode.i_fop->write(inode, pos, buffer, n, by);
}

int vfs_fsync(Inode& inode) {
  return inode.i_fop->fsync(inode);
}

int vfs_writeback(Inode& inode) {
  return filemap_write_and_wait(inode.i_mapping);
}

int vfs_truncate(Inode& inode, std::size_t size) {
  if (!fits(inode, size, 0)) return -EFBIG;
  return inode.i_fop->truncate(inode, size);
}

int vfs_punch_hole(Inode& inode, std::size_t first, std::size_t end) {
  if (inode.i_fop->punch_hole == nullptr) return -EOPNOTSUPP;
  if (first > end || end > kMaxPages) return -EINVAL;
  return inode.i_fop->punch_hole(inode, first, end);
}

ssize_t vfs_fiemap(Inode& inode, int* extents, std::size_t count, CopyBy by) {
  if (inode.i_fop->fiemap == nullptr) return -EOPNOTSUPP;
  return inode.i_fop->fiemap(inode, extents, count, by);
}

}  // namespace tvfs
