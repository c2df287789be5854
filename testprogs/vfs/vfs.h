// The calls a program makes on a file (fs/read_write.c, fs/sync.c, fs/open.c): check the arguments, then the
// file system's table. mmap and munmap are in mm.h. Results are a number of bytes or 0, or a negative errno.
// No lock held.
#pragma once

#include "fs.h"

namespace tvfs {

// Up to n bytes from `pos` on; fewer at the end of the file.
ssize_t vfs_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n, CopyBy by = CopyBy::OwnAccess);

// All n bytes, or an error: -EFBIG beyond the largest file there can be.
ssize_t vfs_write(Inode& inode, std::size_t pos, const void* buffer, std::size_t n, CopyBy by);

int vfs_fsync(Inode& inode);
// The page cleaner: stores dirty pages of its own accord, with no lock of the file held.
int vfs_writeback(Inode& inode);

int vfs_truncate(Inode& inode, std::size_t size);

// fallocate(FALLOC_FL_PUNCH_HOLE) of the whole pages [first, end). -EOPNOTSUPP where the file system cannot.
int vfs_punch_hole(Inode& inode, std::size_t first, std::size_t end);

// Where the first `count` pages are stored, into `extents`; how many were told. -EOPNOTSUPP as above.
ssize_t vfs_fiemap(Inode& inode, int* extents, std::size_t count, CopyBy by = CopyBy::OwnAccess);

}  // namespace tvfs
