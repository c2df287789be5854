// A file system after ext4, as far as its inline data goes.
//
// A small file lives in its inode (inline data) until it grows; while may_inline_data is set the inode has no
// blocks. Two mail threads ask where the conversion to blocks belongs once such a file is mapped and stored
// to. The answers differ in their tables only (InlineConversion).
//
// Lock order: inode_lock -> mmap_lock (a write faults on its buffer) -> page_lock -> xattr_sem, or i_data_sem
// -> block_bitmap_lock. InMmap and InMkwrite break it: mmap_lock -> inode_lock.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include "block_device.h"
#include "fs.h"

namespace tvfs {

inline constexpr std::size_t kInlineMax = 160;  // bytes of a file that fit into its inode

enum class InlineConversion {
  InMmap,          // in ->mmap: a patch. Takes inode_lock under mmap_lock
  InPreMmap,       // in a new hook before mmap_lock is taken: the cure its author proposes. With no space the
                   // file stays inline, and a store through the mapping gets SIGBUS
  OnGrowth,        // never for mmap: write-back copies the page into the inode; what grows the size converts,
                   // without mmap_lock
  InMkwrite,       // in page_mkwrite, taking inode_lock there, under mmap_lock
  InMkwriteRetry,  // in page_mkwrite, which drops mmap_lock before it takes inode_lock; then fault again
  InMkwriteUnlocked,  // in page_mkwrite without inode_lock: what the kernel did
  Never,              // that reverted and its check removed: what is stored is nowhere written
};

// What of may_inline_data validators are told.
struct InlineRules {
  bool assertions = true;  // who changes it holds inode_lock; write-back as well, where nothing else protects
  bool accesses = true;    // every look and every change
};

struct Ext4Inode : Inode {
  Ext4Inode(BlockDevice& storage, InlineConversion where, InlineRules told);

  BlockDevice& device;
  const InlineConversion conversion;
  const InlineRules rules;
  bool in_use = false;  // under the file system's inode table lock

  // Set: the file is in inline_bytes and has no block. Cleared with inode_lock, the lock of page 0 and
  // xattr_sem held, so any of the three keeps it from changing; set again only when the inode becomes another
  // file. All this but for InMkwriteUnlocked.
  std::atomic<bool> may_inline_data{true};
  Rwsem xattr_sem{"xattr_sem"};
  std::array<std::byte, kInlineMax> inline_bytes{};  // under xattr_sem; zero beyond the size

  Rwsem i_data_sem{"i_data_sem"};
  std::array<int, kMaxPages> blocks;  // under i_data_sem; kNoBlock: a hole
};

class Ext4 {
 public:
  // `files`: how many may exist at a time. `blocks`: of storage.
  Ext4(InlineConversion conversion, std::size_t files, std::size_t blocks, InlineRules rules = {});
  // With room for all.
  Ext4(InlineConversion conversion, std::size_t files) : Ext4(conversion, files, files * kMaxPages) {}

  // A new empty file, or null when there are `files` already. Inodes (and their locks) are used again, as in
  // the kernel's slab cache.
  Ext4Inode* create();

  // Deletes the file. Nobody may use it or have it mapped.
  void remove(Ext4Inode& inode);

  // What storage holds of the file: the inode's inline bytes or its blocks, past the page cache. Nobody may
  // be writing it.
  std::vector<std::byte> stored(Ext4Inode& inode);

 private:
  BlockDevice device_;
  Mutex table_lock_{"inode_table_lock"};
  std::deque<Ext4Inode> inodes_;
};

}  // namespace tvfs
