// A file system after ntfs3, as far as fiemap and fallocate go.
//
// ni_lock guards an inode's metadata, invalidate_lock keeps faults from pages that are being taken out of the
// page cache. fiemap tells the program where a file is stored, and copies that out to the program's buffer.
//
// Lock order: inode_lock -> mmap_lock -> invalidate_lock -> ni_lock, page_lock -> block_map_lock ->
// block_bitmap_lock. Ntfs3Fiemap::CopyUnderLock breaks it: ni_lock -> mmap_lock -> invalidate_lock.
#pragma once

#include "libfs.h"

namespace tvfs {

enum class Ntfs3Fiemap {
  CopyUnderLock,    // each extent is copied out as it is found, with ni_lock held
  CopyAfterUnlock,  // they are collected, and copied out when ni_lock is dropped
};

struct Ntfs3Inode : SimpleInode {
  using SimpleInode::SimpleInode;

  Mutex ni_lock{"ni_lock"};
  Rwsem invalidate_lock{"invalidate_lock"};
};

// What a mount of it needs: InodeTable<Ntfs3Inode>(files, ntfs3_file_operations(fiemap)).
const FileOps& ntfs3_file_operations(Ntfs3Fiemap fiemap);

}  // namespace tvfs
