// What simple file systems share (fs/libfs.c): inodes whose pages each have at most one block, allocated when
// the page is written back, and the plain halves of reading and writing through the page cache.
//
// A file system of this kind is its locks: it takes them around these. Results are 0 or a negative errno.
#pragma once

#include <array>
#include <deque>
#include <mutex>
#include <vector>

#include "block_device.h"
#include "fs.h"

namespace tvfs {

struct SimpleInode : Inode {
  SimpleInode(BlockDevice& storage, const FileOps& ops);

  BlockDevice& device;
  bool in_use = false;  // under the file system's inode table lock

  Mutex block_map_lock{"block_map_lock"};
  std::array<int, kMaxPages> blocks;  // under block_map_lock; kNoBlock: a hole
};

// Makes the page of a write of n bytes at `pos`, which do not cross its end, ready and locks it. Whatever
// guards the file's size is held.
int simple_write_begin(SimpleInode& inode, std::size_t pos, std::size_t n, std::unique_lock<Mutex>& locked);

// The page, still locked, holds the data.
void simple_write_end(SimpleInode& inode, std::size_t pos, std::size_t n);

// Grows or shrinks the file. Whatever guards its size is held.
int simple_setsize(SimpleInode& inode, std::size_t size);

// Where storage has the page; kNoBlock: nowhere.
int simple_block_of(SimpleInode& inode, std::size_t index);

// The pages [first, end), which are in no cache, have no blocks any more.
void simple_free_blocks(SimpleInode& inode, std::size_t first, std::size_t end);

// How many of n bytes at `pos` a read can have from that page.
std::size_t simple_readable(const Inode& inode, std::size_t pos, std::size_t n);

// Copies those bytes out of the page cache, reading the page in where needed. The page's lock is held only
// meanwhile.
int simple_read_page(SimpleInode& inode, std::size_t pos, std::byte* to, std::size_t n);

// The plain calls, for tables of operations that take no other lock. A read copies to the program with no lock
// held at all.
ssize_t simple_file_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n, CopyBy by);
int generic_file_fsync(Inode& inode);  // of any file system: inode_lock around the write-back

// What storage holds of the file, past the page cache. Nobody may be writing it.
std::vector<std::byte> simple_stored(SimpleInode& inode);

// The inodes of one mounted file system. Inodes (and their locks) are used again, as in the kernel's slab
// cache. Safe from any thread.
template <class I>
class InodeTable {
 public:
  InodeTable(std::size_t files, const FileOps& ops) : device_(files * kMaxPages) {
    for (std::size_t i = 0; i < files; ++i) inodes_.emplace_back(device_, ops);
  }

  // A new empty file, or null where there is no room for more.
  I* create() {
    const std::lock_guard guard(lock_);
    for (I& inode : inodes_)
      if (!inode.in_use) return inode.in_use = true, &inode;
    return nullptr;
  }

  // Deletes the file. Nobody may use it or have it mapped.
  void remove(I& inode) {
    must(-inode.i_fop->truncate(inode, 0), "truncating a deleted file");
    const std::lock_guard guard(lock_);
    inode.in_use = false;
  }

 private:
  BlockDevice device_;
  Mutex lock_{"inode_table_lock"};
  std::deque<I> inodes_;
};

}  // namespace tvfs
