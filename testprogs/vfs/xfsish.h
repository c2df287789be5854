// A file system after xfs, as far as its MMAPLOCK goes: a lock that faults take shared and whoever takes
// pages out of the page cache takes exclusive.
//
// The third mail thread asks whether fault-around (->map_pages), which neither waits for a page nor asks the
// file system, may map a page that a hole punch is about to free. MapPages has the answers.
//
// Lock order: IOLOCK (its inode lock) -> mmap_lock (a copy faults) -> XFS_MMAPLOCK -> page_lock -> xfs_ilock
// -> block_bitmap_lock.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include "block_device.h"
#include "fs.h"

namespace tvfs {

// What fault-around relies on.
enum class MapPages {
  Nothing,   // it looks at page->mapping and maps: our construction, the kernel never did that
  TryLock,   // the page's lock, by a try, and a second look under it: what filemap_map_pages does
  MmapLock,  // the patch: XFS_MMAPLOCK, shared, around that. Alone it would not do: reclaim takes pages out
             // of the cache with their lock only
};

struct XfsInode : Inode {
  XfsInode(BlockDevice& storage, MapPages map_pages);

  BlockDevice& device;
  Rwsem i_mmaplock{"XFS_MMAPLOCK"};
  Rwsem i_lock{"xfs_ilock"};
  std::array<int, kMaxPages> blocks;  // under i_lock; kNoBlock: a hole
};

class Xfs {
 public:
  Xfs(MapPages map_pages, std::size_t files);

  // The files there are, all empty at first.
  XfsInode& file(std::size_t number) { return inodes_[number]; }

  // What storage holds of the file, past the page cache. Nobody may be writing it.
  std::vector<std::byte> stored(XfsInode& inode);

  // Reading the page from storage fails from now on, or no more. It has a block.
  void set_unreadable(XfsInode& inode, std::size_t index, bool unreadable);

 private:
  BlockDevice device_;
  std::deque<XfsInode> inodes_;
};

}  // namespace tvfs
