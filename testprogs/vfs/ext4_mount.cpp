// The mounted ext4: its inodes, and what storage has of them.
#include <faultline/annotate.h>

#include <algorithm>

#include "ext4ish.h"
#include "panic.h"
#include "vfs.h"

namespace tvfs {

Ext4::Ext4(InlineConversion conversion, std::size_t files, std::size_t blocks, InlineRules rules)
    : device_(blocks) {
  for (std::size_t i = 0; i < files; ++i) inodes_.emplace_back(device_, conversion, rules);
}

Ext4Inode* Ext4::create() {
  const std::lock_guard guard(table_lock_);
  for (Ext4Inode& inode : inodes_) {
    if (inode.in_use) continue;
    inode.in_use = true;
    faultline_state_created(&inode.may_inline_data);  // another file than the one that was here
    inode.may_inline_data = true;
    return &inode;
  }
  return nullptr;
}

void Ext4::remove(Ext4Inode& inode) {
  if (const int error = vfs_truncate(inode, 0); error != 0) panic("truncating a deleted file", -error);
  const std::lock_guard guard(table_lock_);
  inode.in_use = false;
}

std::vector<std::byte> Ext4::stored(Ext4Inode& inode) {
  std::vector<std::byte> content(inode.i_size);
  if (inode.may_inline_data) {
    std::copy_n(inode.inline_bytes.begin(), content.size(), content.begin());
    return content;
  }
  for (std::size_t index = 0; index * kPageSize < content.size(); ++index) {
    if (inode.blocks[index] == kNoBlock) continue;
    const std::byte* const block = inode.device.bytes(inode.blocks[index]);
    std::copy_n(block, std::min(content.size() - index * kPageSize, kPageSize),
                content.begin() + static_cast<std::ptrdiff_t>(index * kPageSize));
  }
  return content;
}

}  // namespace tvfs
