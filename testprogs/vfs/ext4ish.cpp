#include "ext4ish.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mm.h"
#include "panic.h"
#include "schedule.h"

namespace tvfs {

static Ext4Inode& ext4_inode(Inode& inode) {
  return static_cast<Ext4Inode&>(inode);
}

// ---- the inline state ----

constexpr const char* kMayInline = "EXT4_STATE_MAY_INLINE_DATA";

// Three callers that the thread names tell of their look themselves, so that reports name them.
static bool ext4_may_inline(const Ext4Inode& inode) {
  if (inode.rules.accesses) faultline_state_read(&inode.may_inline_data, kMayInline);
  return inode.may_inline_data;
}

static void ext4_set_inline_state(Ext4Inode& inode, bool may_inline) {
  if (inode.rules.assertions) faultline_assert_held(inode.i_rwsem.native_handle(), FAULTLINE_EXCLUSIVE);
  if (inode.rules.accesses) faultline_state_write(&inode.may_inline_data, kMayInline);
  inode.may_inline_data = may_inline;
}

// Whether inode_lock alone keeps the state from changing, so that write-back may not look without it.
static bool ext4_needs_inode_lock(const Ext4Inode& inode) {
  return inode.conversion == InlineConversion::InMkwriteUnlocked;
}

// Without a lock: a file never becomes inline again, and who would convert looks once more.
static bool ext4_looks_inline(const Ext4Inode& inode) {
  if (inode.rules.accesses) faultline_state_racy_read(&inode.may_inline_data, kMayInline);
  return inode.may_inline_data;
}

// ---- blocks ----

static int ext4_find_block(Ext4Inode& inode, std::size_t index) {
  const std::shared_lock guard(inode.i_data_sem);
  return inode.blocks[index];
}

// The page gets a block if it has none. Returns 0 or -ENOSPC.
static int ext4_get_block(Ext4Inode& inode, std::size_t index) {
  if (ext4_find_block(inode, index) != kNoBlock) return 0;
  const std::lock_guard guard(inode.i_data_sem);
  if (inode.blocks[index] == kNoBlock) inode.blocks[index] = inode.device.allocate();
  return inode.blocks[index] == kNoBlock ? -ENOSPC : 0;
}

// How much of the page lies before the end of the file.
static std::size_t ext4_bytes_in_page(const Inode& inode, std::size_t index) {
  const std::size_t start = index * kPageSize;
  const std::size_t size = inode.i_size;
  return size > start ? std::min(size - start, kPageSize) : 0;
}

// ---- address_space_operations: the page's lock is held ----

static int ext4_read_folio(Inode& base, std::size_t index) {
  Ext4Inode& inode = ext4_inode(base);
  std::byte* const page = inode.i_mapping.page_address(index);
  if (index == 0 && ext4_may_inline(inode)) {
    const std::shared_lock guard(inode.xattr_sem);
    std::memcpy(page, inode.inline_bytes.data(), kInlineMax);
    std::memset(page + kInlineMax, 0, kPageSize - kInlineMax);
    return 0;
  }
  if (const int block = ext4_find_block(inode, index); block != kNoBlock)
    return inode.device.read(block, page);
  std::memset(page, 0, kPageSize);
  return 0;
}

// Stores past the end of the file are discarded: they do not reach storage, and ext4_zero_tail takes them out
// of the page.
static int ext4_writepage(Inode& base, std::size_t index) {
  Ext4Inode& inode = ext4_inode(base);
  const std::byte* const page = inode.i_mapping.page_address(index);
  const std::size_t n = ext4_bytes_in_page(inode, index);
  if (index == 0 && inode.rules.assertions && ext4_needs_inode_lock(inode))
    faultline_assert_held(inode.i_rwsem.native_handle(), FAULTLINE_EXCLUSIVE);
  if (index == 0 && inode.rules.accesses) faultline_state_read(&inode.may_inline_data, kMayInline);
  if (index == 0 && inode.may_inline_data) {
    if (inode.conversion == InlineConversion::Never) return 0;
    // The answer of the thread: nothing to convert, the page is copied into the inode. xattr_sem and not
    // inode_lock, which the caller of write-back may hold.
    const std::lock_guard guard(inode.xattr_sem);
    std::memcpy(inode.inline_bytes.data(), page, n);
    return 0;
  }
  const int block = ext4_find_block(inode, index);
  if (block == kNoBlock) return -EIO;  // nobody announced the write: the kernel's BUG
  std::memcpy(inode.device.bytes(block), page, n);
  std::memset(inode.device.bytes(block) + n, 0, kPageSize - n);
  return 0;
}

// Of a file that is not inline.
static int ext4_write_begin_page(Inode& base, std::size_t index) {
  Ext4Inode& inode = ext4_inode(base);
  if (const int error = ext4_get_block(inode, index); error != 0) return error;
  page_write_announced(inode.i_mapping.pages[index]);
  return 0;
}

constexpr AddressSpaceOps kAddressSpaceOps = {
    .read_folio = ext4_read_folio, .writepage = ext4_writepage, .write_begin = ext4_write_begin_page};

// ---- inline data ----

// Moves the file from its inode to blocks: page 0 gets a block and becomes dirty, write-back does the rest.
// inode_lock is held exclusive by the caller. Returns 0 or -ENOSPC, and then nothing has changed.
[[gnu::noinline]] static int ext4_convert_inline_data(Ext4Inode& inode) {
  if (!ext4_may_inline(inode)) return 0;
  Page& page = inode.i_mapping.pages[0];
  std::unique_lock<Mutex> locked;
  if (inode.i_size == 0) {
    locked = std::unique_lock(page.lock);
  } else {
    int error = 0;
    locked = read_and_lock_page(inode.i_mapping, 0, error);
    if (error == 0) error = ext4_write_begin_page(inode, 0);
    if (error != 0) return error;
    set_page_dirty(page);
  }
  const std::lock_guard guard(inode.xattr_sem);
  ext4_set_inline_state(inode, false);
  inode.inline_bytes.fill(std::byte{0});
  return 0;
}

// The race: as above, but without inode_lock, and in the kernel's order: inline data goes before there is a
// block, and comes back where there is none.
[[gnu::noinline]] static int ext4_convert_without_inode_lock(Ext4Inode& inode) {
  const std::lock_guard guard(inode.xattr_sem);
  if (!ext4_may_inline(inode)) return 0;
  ext4_set_inline_state(inode, false);
  if (const int error = ext4_get_block(inode, 0); error != 0) {
    ext4_set_inline_state(inode, true);
    return error;
  }
  return 0;
}

// ---- size: inode_lock is held exclusive ----

// What lies behind `from` in its page becomes zero: a program that has the page mapped may have stored there,
// and it will be, or was, part of the file.
static int ext4_zero_tail(Ext4Inode& inode, std::size_t from) {
  const std::size_t index = from / kPageSize;
  if (from % kPageSize == 0) return 0;
  int error = 0;
  const auto locked = read_and_lock_page(inode.i_mapping, index, error);
  if (error != 0) return error;
  std::memset(inode.i_mapping.page_address(index) + from % kPageSize, 0, kPageSize - from % kPageSize);
  if (ext4_may_inline(inode)) {
    const std::lock_guard guard(inode.xattr_sem);
    std::fill(inode.inline_bytes.begin() + from, inode.inline_bytes.end(), std::byte{0});
  } else if (ext4_find_block(inode, index) != kNoBlock) {
    page_write_announced(inode.i_mapping.pages[index]);
    set_page_dirty(inode.i_mapping.pages[index]);
  }
  return 0;
}

// Makes room for a file of `size` bytes, larger than it is. The size itself changes when there is data, or by
// truncate.
static int ext4_prepare_growth(Ext4Inode& inode, std::size_t size) {
  if (size > kInlineMax) {
    if (const int error = ext4_convert_inline_data(inode); error != 0) return error;
  }
  if (const int error = ext4_zero_tail(inode, inode.i_size); error != 0) return error;
  inode.i_mapping.memory.resize(size);
  return 0;
}

static int ext4_shrink(Ext4Inode& inode, std::size_t size) {
  inode.i_size = size;
  if (const int error = ext4_zero_tail(inode, size); error != 0) return error;
  const std::size_t first = (size + kPageSize - 1) / kPageSize;
  truncate_inode_pages(inode.i_mapping, first);
  inode.i_mapping.memory.resize(size);
  const std::lock_guard guard(inode.i_data_sem);
  for (std::size_t index = first; index < kMaxPages; ++index) {
    if (inode.blocks[index] != kNoBlock) inode.device.release(inode.blocks[index]);
    inode.blocks[index] = kNoBlock;
  }
  return 0;
}

// ---- file_operations ----

// Makes the page ready for a write of n bytes at `pos`, which do not cross its end, and locks it.
static int ext4_write_begin(Ext4Inode& inode, std::size_t pos, std::size_t n,
                            std::unique_lock<Mutex>& locked) {
  if (pos + n > inode.i_size) {
    if (const int error = ext4_prepare_growth(inode, pos + n); error != 0) return error;
  }
  int error = 0;
  locked = read_and_lock_page(inode.i_mapping, pos / kPageSize, error);
  if (inode.rules.accesses) faultline_state_read(&inode.may_inline_data, kMayInline);
  if (error != 0 || inode.may_inline_data) return error;
  return ext4_write_begin_page(inode, pos / kPageSize);
}

// The page holds the data. An inline file's goes into the inode at once, as a write of ext4 does.
static void ext4_write_end(Ext4Inode& inode, std::size_t pos, std::size_t n) {
  if (inode.rules.accesses) faultline_state_read(&inode.may_inline_data, kMayInline);
  if (inode.may_inline_data) {
    const std::lock_guard guard(inode.xattr_sem);
    std::memcpy(inode.inline_bytes.data() + pos, inode.i_mapping.page_address(0) + pos, n);
  } else {
    set_page_dirty(inode.i_mapping.pages[pos / kPageSize]);
  }
  if (pos + n > inode.i_size) inode.i_size = pos + n;
}

// The other half of the first scenario: copying from the program's buffer may fault, with inode_lock held.
static ssize_t ext4_buffered_write(Inode& base, std::size_t pos, const void* buffer, std::size_t n,
                                   CopyBy by) {
  Ext4Inode& inode = ext4_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  schedule_point(Place::InodeLocked);
  for (std::size_t done = 0; done < n;) {
    const std::size_t at = pos + done;
    const std::size_t chunk = std::min(n - done, kPageSize - at % kPageSize);
    int error = inode.bounce.copy_from_user(static_cast<const std::byte*>(buffer) + done, chunk, by);
    if (error != 0) return error;
    std::unique_lock<Mutex> locked;
    error = ext4_write_begin(inode, at, chunk, locked);
    if (error != 0) return error;
    std::memcpy(inode.i_mapping.page_address(0) + at, inode.bounce.data(), chunk);
    ext4_write_end(inode, at, chunk);
    done += chunk;
  }
  return static_cast<ssize_t>(n);
}

// Without inode_lock, as ext4's buffered reads. The copy to the program is made with no lock held at all.
static ssize_t ext4_file_read(Inode& inode, std::size_t pos, void* buffer, std::size_t n, CopyBy by) {
  std::array<std::byte, 512> copy;
  std::size_t done = 0;
  while (done < n && pos + done < inode.i_size) {
    const std::size_t at = pos + done;
    const std::size_t chunk =
        std::min({copy.size(), n - done, kPageSize - at % kPageSize, inode.i_size - at});
    int error = 0;
    {
      const auto locked = read_and_lock_page_in_file(inode.i_mapping, at / kPageSize, error);
      if (error == -EFAULT) break;  // truncated meanwhile
      if (error != 0) return error;
      std::memcpy(copy.data(), inode.i_mapping.page_address(0) + at, chunk);
    }
    error = copy_to_user(static_cast<std::byte*>(buffer) + done, copy.data(), chunk, by);
    if (error != 0) return done != 0 ? static_cast<ssize_t>(done) : error;
    done += chunk;
  }
  return static_cast<ssize_t>(done);
}

static int ext4_sync_file(Inode& inode) {
  const std::lock_guard guard(inode.i_rwsem);
  return filemap_write_and_wait(inode.i_mapping);
}

static int ext4_setattr_size(Inode& base, std::size_t size) {
  Ext4Inode& inode = ext4_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  if (size <= inode.i_size) return ext4_shrink(inode, size);
  const int error = ext4_prepare_growth(inode, size);
  if (error == 0) inode.i_size = size;
  return error;
}

// ---- vm_operations ----

// What differs is where inline data is converted, if page 0 of an inline file is stored to.
static int ext4_prepare_mkwrite(Ext4Inode& inode, VmFault& fault) {
  if (fault.index != 0) return 0;
  switch (inode.conversion) {
    case InlineConversion::InMkwriteUnlocked:
      return ext4_convert_without_inode_lock(inode);
    case InlineConversion::InMkwrite: {
      const std::lock_guard guard(inode.i_rwsem);
      return ext4_convert_inline_data(inode);
    }
    case InlineConversion::InMkwriteRetry: {
      if (!ext4_looks_inline(inode)) return 0;
      fault.mmap_guard.unlock();
      const std::lock_guard guard(inode.i_rwsem);
      const int error = ext4_convert_inline_data(inode);
      return error != 0 ? error : kVmFaultRetry;
    }
    default:
      return 0;
  }
}

[[gnu::noinline]] static int ext4_page_mkwrite(VmFault& fault) {
  Ext4Inode& inode = ext4_inode(fault.vma.inode);
  Page& page = inode.i_mapping.pages[fault.index];
  schedule_point(Place::MkwriteEntered);
  if (const int outcome = ext4_prepare_mkwrite(inode, fault); outcome != 0) return outcome;
  std::unique_lock locked(page.lock);
  if (!page_in_cache(page)) return -EAGAIN;
  const bool stays_inline = fault.index == 0 && ext4_may_inline(inode);
  // It was to be converted before, and there was no space.
  if (stays_inline && inode.conversion == InlineConversion::InPreMmap) return -ENOSPC;
  if (const int error = stays_inline ? 0 : ext4_get_block(inode, fault.index); error != 0) return error;
  page_write_announced(page);
  set_page_dirty(page);
  fault.locked = std::move(locked);
  return 0;
}

constexpr VmOps kVmOps = {
    .fault = filemap_fault, .map_pages = filemap_map_pages, .page_mkwrite = ext4_page_mkwrite};

// ---- file_operations that know of mmap ----

[[gnu::noinline]] static int ext4_lock_and_convert(Ext4Inode& inode) {
  if (!ext4_looks_inline(inode)) return 0;
  const std::lock_guard guard(inode.i_rwsem);
  return ext4_convert_inline_data(inode);
}

static int ext4_file_pre_mmap(Inode& inode) {
  const int error = ext4_lock_and_convert(ext4_inode(inode));
  return error == -ENOSPC ? 0 : error;
}

// Called with mmap_lock held exclusive; InMmap takes inode_lock under it.
static int ext4_file_mmap(Inode& base, VmArea& vma) {
  Ext4Inode& inode = ext4_inode(base);
  vma.ops = &kVmOps;
  schedule_point(Place::MmapLocked);
  return inode.conversion == InlineConversion::InMmap ? ext4_lock_and_convert(inode) : 0;
}

static int ext4_direct_read(Inode& base, std::size_t index, std::byte* to) {
  Ext4Inode& inode = ext4_inode(base);
  const std::shared_lock guard(inode.i_rwsem);
  if (ext4_may_inline(inode)) return -EINVAL;
  if (const int block = ext4_find_block(inode, index); block != kNoBlock) return inode.device.read(block, to);
  std::memset(to, 0, kPageSize);
  return 0;
}

static constexpr FileOps table(int (*pre_mmap)(Inode&)) {
  return {.pre_mmap = pre_mmap,
          .mmap = ext4_file_mmap,
          .read = ext4_file_read,
          .write = ext4_buffered_write,
          .fsync = ext4_sync_file,
          .truncate = ext4_setattr_size,
          .direct_read = ext4_direct_read};
}

constexpr FileOps kFileOps = table(nullptr);
constexpr FileOps kFileOpsWithPreMmap = table(ext4_file_pre_mmap);

// ---- the inode ----

Ext4Inode::Ext4Inode(BlockDevice& storage, InlineConversion where, InlineRules told)
    : Inode(where == InlineConversion::InPreMmap ? kFileOpsWithPreMmap : kFileOps, kAddressSpaceOps),
      device(storage),
      conversion(where),
      rules(told) {
  blocks.fill(kNoBlock);
}

}  // namespace tvfs
