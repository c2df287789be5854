#include "block_device.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tvfs {

int BlockDevice::allocate() {
  const std::lock_guard guard(bitmap_lock_);
  const auto free = std::find(used_.begin(), used_.end(), false);
  if (free == used_.end()) return kNoBlock;
  *free = true;
  const int block = static_cast<int>(free - used_.begin());
  std::memset(bytes(block), 0, kPageSize);
  return block;
}

void BlockDevice::release(int block) {
  const std::lock_guard guard(bitmap_lock_);
  used_[static_cast<std::size_t>(block)] = false;
}

int BlockDevice::read(int block, std::byte* page) {
  if (unreadable_[static_cast<std::size_t>(block)]) return -EIO;
  std::memcpy(page, bytes(block), kPageSize);
  return 0;
}

}  // namespace tvfs
