#include "scenarios/file_lives.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "gup.h"
#include "scenarios/common.h"
#include "sigbus.h"

namespace tvfs {

static std::size_t pick(Random& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}

static CopyBy pick_copy(Random& random) {
  return pick(random, 2) == 0 ? CopyBy::OwnAccess : CopyBy::RealKernel;
}

void life_of_small_file(Mm& mm, Ext4& fs, DataCheck& data, Random& random) {
  constexpr std::size_t kSmall = 100;
  Ext4Inode* const file = fs.create();
  if (file == nullptr) panic("no inode is left", ENOSPC);
  write_content(data, *file, random(), kSmall);
  std::byte* const mapped = must_map(mm, *file, 1, true);
  std::vector<std::byte> content = content_of(random(), kSmall);
  data.holds("a store to a small file", user_copy(mapped, content.data(), kSmall));
  if (pick(random, 2) == 0) data.holds("fsync of a small file", vfs_fsync(*file) == 0);
  content.resize(2 * kPageSize);
  data.holds("growth of a small file", vfs_truncate(*file, content.size()) == 0);
  data.holds("fsync of a grown file", vfs_fsync(*file) == 0);
  data.same("a grown file in storage", content, fs.stored(*file));
  // A direct read of it into a mapping of its own second page.
  std::byte* const grown = vm_mremap(mm, mapped, content.size());
  if (grown == nullptr) panic("mremap", errno);
  data.holds("a direct read", direct_read(*file, 0, mm, grown + kPageSize, PinPolicy::NotifyAndKeep) == 0);
  std::copy_n(content.begin(), kPageSize, content.begin() + static_cast<std::ptrdiff_t>(kPageSize));
  data.same("a file after a direct read", content, read_back(*file));
  vm_munmap(mm, grown);
  fs.remove(*file);
}

// Storage fails to give page 0 of a file that is stored: whoever needs it is told, each in its way.
static void meet_bad_block(Xfs& fs, XfsInode& file, const std::byte* mapped, DataCheck& data, CopyBy by) {
  std::byte byte{};
  fs.set_unreadable(file, 0, true);
  invalidate_mapping_pages(file.i_mapping);
  data.holds("a load of a bad block is a SIGBUS", !user_touch(mapped, false));
  data.holds("a read of a bad block is an error", vfs_read(file, 0, &byte, 1) == -EIO);
  data.holds("a write from a bad block is an error", vfs_write(file, kPageSize, mapped, 1, by) == -EFAULT);
  fs.set_unreadable(file, 0, false);
  data.holds("a load of a good block", user_touch(mapped, false));
}

void life_of_hole(Mm& mm, Xfs& fs, XfsInode& file, DataCheck& data, Random& random) {
  std::vector<std::byte> content = content_of(random(), kMaxPages * kPageSize);
  data.holds("write of a file with a hole",
             vfs_write(file, 0, content.data(), content.size(), pick_copy(random)) ==
                 static_cast<ssize_t>(content.size()));
  std::byte* const mapped = must_map(mm, file, kMaxPages, true);
  if (pick(random, 2) == 0) data.holds("a touch before the punch", user_touch(mapped, pick(random, 2) == 0));
  const std::size_t first = pick(random, kMaxPages);
  const std::size_t end = first + pick(random, kMaxPages - first) + 1;
  data.holds("hole punch", vfs_punch_hole(file, first, end) == 0);
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(first * kPageSize),
            content.begin() + static_cast<std::ptrdiff_t>(end * kPageSize), std::byte{0});
  std::vector<std::byte> seen(content.size());
  data.holds("a mapping with a hole can be read", user_copy(seen.data(), mapped, seen.size()));
  data.same("a mapping with a hole", content, seen);
  data.holds("fsync of a file with a hole", vfs_fsync(file) == 0);
  data.same("a file with a hole in storage", content, fs.stored(file));
  if (first != 0) meet_bad_block(fs, file, mapped, data, pick_copy(random));
  data.holds("truncate", vfs_truncate(file, kPageSize / 2) == 0);
  data.holds("a touch beyond the end is a SIGBUS", !user_touch(mapped + kPageSize, false));
  vm_munmap(mm, mapped);
}

}  // namespace tvfs
