// Storage: an array of blocks the size of a page, and the map of which are in use. What is here is what a
// crash would leave.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "locks.h"
#include "shared_memory.h"

namespace tvfs {

inline constexpr int kNoBlock = -1;

class BlockDevice {
 public:
  explicit BlockDevice(std::size_t blocks) : used_(blocks), unreadable_(blocks), bytes_(blocks * kPageSize) {}

  // A free block, filled with zeros, or kNoBlock.
  int allocate();
  void release(int block);

  // Reading the block fails from now on, or no more.
  void set_unreadable(int block, bool unreadable) {
    unreadable_[static_cast<std::size_t>(block)] = unreadable;
  }

  // One page, from storage. Returns 0 or -EIO.
  int read(int block, std::byte* page);

  // The block's bytes. Two threads never use one block at a time: it belongs to one page, whose lock they
  // hold.
  std::byte* bytes(int block) { return bytes_.data() + static_cast<std::size_t>(block) * kPageSize; }

 private:
  Mutex bitmap_lock_{"block_bitmap_lock"};
  std::vector<bool> used_;  // under bitmap_lock_
  std::vector<std::atomic<bool>> unreadable_;
  std::vector<std::byte> bytes_;
};

}  // namespace tvfs
