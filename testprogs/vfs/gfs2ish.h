// A file system after gfs2, as far as its glocks go.
//
// A glock guards an inode and its pages against other nodes of a cluster: reading takes it shared, changing
// anything exclusive. Reads and writes hold it while they copy from or to the program's buffer, and faults
// take it as well: that of another inode where the buffer is a mapping of another file, the same one where it
// is a mapping of this. The mail thread is about both.
//
// Lock order: inode_lock -> glock -> mmap_lock (a copy faults on its buffer) -> glock -> page_lock ->
// block_map_lock -> block_bitmap_lock; with Gfs2Copy::FaultIn nothing comes between glock and page_lock.
#pragma once

#include "glock.h"
#include "libfs.h"

namespace tvfs {

// How reads and writes come by the program's memory.
enum class Gfs2Copy {
  Holding,  // they may fault with the glock held
  FaultIn,  // the cure: faults are disabled while it is held; a copy that comes back short gives the glock
            // up, faults its buffer in, and tries again
};

struct Gfs2Options {
  Gfs2Copy copy = Gfs2Copy::Holding;
  GlockMode write_fault = GlockMode::Exclusive;  // how a store takes the glock; the thread calls exclusive
                                                 // pointless
};

struct Gfs2Inode : SimpleInode {
  using SimpleInode::SimpleInode;

  Glock i_gl{"glock"};
};

// What a mount of it needs: InodeTable<Gfs2Inode>(files, gfs2_file_operations(options)).
const FileOps& gfs2_file_operations(const Gfs2Options& options);

}  // namespace tvfs
