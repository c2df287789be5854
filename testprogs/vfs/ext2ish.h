// A file system after ext2, as far as it has nothing of its own: reads and writes are the generic ones of
// mm/filemap.c, with no lock but inode_lock and those of the pages.
//
// The generic write locks a page, copies from the program straight into it, and unlocks it. The program's
// buffer may be a mapping of that very page. The kernel's answer is old: copy with faults disabled.
//
// Lock order: inode_lock -> mmap_lock (a touch before the copy) -> page_lock -> block_map_lock ->
// block_bitmap_lock. Ext2Copy::UnderPageLock breaks it: page_lock -> mmap_lock.
#pragma once

#include "libfs.h"

namespace tvfs {

enum class Ext2Copy {
  UnderPageLock,  // the copy may fault with the page's lock held
  Atomic,         // fault in, lock, copy with faults disabled; again where that came back short
};

// What a mount of it needs: InodeTable<SimpleInode>(files, ext2_file_operations(copy)).
const FileOps& ext2_file_operations(Ext2Copy copy);

}  // namespace tvfs
