#include "block_device.h"

#include <algorithm>
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

}  // namespace tvfs
