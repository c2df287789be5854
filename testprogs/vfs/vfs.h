// The calls a program makes on a file (fs/read_write.c, fs/sync.c, fs/open.c): check the arguments, then the
// file system's table. mmap and munmap are in mm.h. Results are a number of bytes or 0, or a negative errno.
// No lock held.
#pragma once

#include "fs.h"

namespace tvfs {

// Up to n bytes from `pos` on; fewer at the end of the file.
ssize_t vfs_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n);

// All n bytes, or an error: -EFBIG beyond the largest file there can be.
ssize_t vfs_write(Inode& inode, std::size_t pos, const void* buffer, std::size_t n, CopyBy by);

int vfs_fsync(Inode& inode);
int vfs_truncate(Inode& inode, std::size_t size);

}  // namespace tvfs
