#include "libfs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mm.h"

namespace tvfs {

static SimpleInode& simple_inode(Inode& inode) {
  return static_cast<SimpleInode&>(inode);
}

// How much of the page lies before the end of the file.
static std::size_t bytes_in_page(const Inode& inode, std::size_t index) {
  const std::size_t start = index * kPageSize;
  const std::size_t size = inode.i_size;
  return size > start ? std::min(size - start, kPageSize) : 0;
}

int simple_block_of(SimpleInode& inode, std::size_t index) {
  const std::lock_guard guard(inode.block_map_lock);
  return inode.blocks[index];
}

static int block_or_new(SimpleInode& inode, std::size_t index) {
  const std::lock_guard guard(inode.block_map_lock);
  int& block = inode.blocks[index];
  if (block == kNoBlock) block = inode.device.allocate();
  return block;
}

void simple_free_blocks(SimpleInode& inode, std::size_t first, std::size_t end) {
  const std::lock_guard guard(inode.block_map_lock);
  for (std::size_t index = first; index < end; ++index) {
    if (inode.blocks[index] != kNoBlock) inode.device.release(inode.blocks[index]);
    inode.blocks[index] = kNoBlock;
  }
}

// The page's lock is held. Storage has room for every page, or write-back says that it has not.
static void dirty_page(Page& page) {
  page_write_announced(page);
  set_page_dirty(page);
}

// ---- address_space_operations: the page's lock is held ----

static int simple_read_folio(Inode& base, std::size_t index) {
  SimpleInode& inode = simple_inode(base);
  std::byte* const page = inode.i_mapping.page_address(index);
  if (const int block = simple_block_of(inode, index); block != kNoBlock)
    return inode.device.read(block, page);
  std::memset(page, 0, kPageSize);
  return 0;
}

// Stores past the end of the file are discarded.
static int simple_writepage(Inode& base, std::size_t index) {
  SimpleInode& inode = simple_inode(base);
  const int block = block_or_new(inode, index);
  if (block == kNoBlock) return -ENOSPC;
  const std::size_t n = bytes_in_page(inode, index);
  std::memcpy(inode.device.bytes(block), inode.i_mapping.page_address(index), n);
  std::memset(inode.device.bytes(block) + n, 0, kPageSize - n);
  return 0;
}

constexpr AddressSpaceOps kAddressSpaceOps = {.read_folio = simple_read_folio, .writepage = simple_writepage};

SimpleInode::SimpleInode(BlockDevice& storage, const FileOps& ops)
    : Inode(ops, kAddressSpaceOps), device(storage) {
  blocks.fill(kNoBlock);
}

// ---- size ----

// What lies behind `from` in its page becomes zero: a program that has the page mapped may have stored there,
// and it will be, or was, part of the file.
static int zero_tail(SimpleInode& inode, std::size_t from) {
  if (from % kPageSize == 0) return 0;
  const std::size_t index = from / kPageSize;
  int error = 0;
  const auto locked = read_and_lock_page(inode.i_mapping, index, error);
  if (error != 0) return error;
  std::memset(inode.i_mapping.page_address(index) + from % kPageSize, 0, kPageSize - from % kPageSize);
  if (simple_block_of(inode, index) != kNoBlock) dirty_page(inode.i_mapping.pages[index]);
  return 0;
}

static int prepare_growth(SimpleInode& inode, std::size_t size) {
  if (const int error = zero_tail(inode, inode.i_size); error != 0) return error;
  inode.i_mapping.memory.resize(size);
  return 0;
}

int simple_setsize(SimpleInode& inode, std::size_t size) {
  if (size > inode.i_size) {
    const int error = prepare_growth(inode, size);
    if (error == 0) inode.i_size = size;
    return error;
  }
  inode.i_size = size;
  if (const int error = zero_tail(inode, size); error != 0) return error;
  const std::size_t first = (size + kPageSize - 1) / kPageSize;
  truncate_inode_pages(inode.i_mapping, first);
  inode.i_mapping.memory.resize(size);
  simple_free_blocks(inode, first, kMaxPages);
  return 0;
}

// ---- reading and writing ----

int simple_write_begin(SimpleInode& inode, std::size_t pos, std::size_t n, std::unique_lock<Mutex>& locked) {
  if (pos + n > inode.i_size) {
    if (const int error = prepare_growth(inode, pos + n); error != 0) return error;
  }
  int error = 0;
  locked = read_and_lock_page(inode.i_mapping, pos / kPageSize, error);
  return error;
}

void simple_write_end(SimpleInode& inode, std::size_t pos, std::size_t n) {
  dirty_page(inode.i_mapping.pages[pos / kPageSize]);
  if (pos + n > inode.i_size) inode.i_size = pos + n;
}

std::size_t simple_readable(const Inode& inode, std::size_t pos, std::size_t n) {
  const std::size_t size = inode.i_size;
  if (pos >= size) return 0;
  return std::min({n, kPageSize - pos % kPageSize, size - pos});
}

int simple_read_page(SimpleInode& inode, std::size_t pos, std::byte* to, std::size_t n) {
  int error = 0;
  const auto locked = read_and_lock_page_in_file(inode.i_mapping, pos / kPageSize, error);
  if (error == 0) std::memcpy(to, inode.i_mapping.page_address(0) + pos, n);
  return error;
}

ssize_t simple_file_read(Inode& base, std::size_t pos, void* buffer, std::size_t n, CopyBy by) {
  SimpleInode& inode = simple_inode(base);
  std::array<std::byte, 512> copy;
  std::size_t done = 0;
  while (const std::size_t chunk = simple_readable(inode, pos + done, std::min(n - done, copy.size()))) {
    if (const int error = simple_read_page(inode, pos + done, copy.data(), chunk); error != 0) return error;
    std::byte* const to = static_cast<std::byte*>(buffer) + done;
    if (const int error = copy_to_user(to, copy.data(), chunk, by); error != 0) return error;
    done += chunk;
  }
  return static_cast<ssize_t>(done);
}

int generic_file_fsync(Inode& inode) {
  const std::lock_guard guard(inode.i_rwsem);
  return filemap_write_and_wait(inode.i_mapping);
}

std::vector<std::byte> simple_stored(SimpleInode& inode) {
  std::vector<std::byte> content(inode.i_size);
  for (std::size_t index = 0; index * kPageSize < content.size(); ++index)
    if (const int block = simple_block_of(inode, index); block != kNoBlock)
      std::copy_n(inode.device.bytes(block), bytes_in_page(inode, index),
                  content.begin() + static_cast<std::ptrdiff_t>(index * kPageSize));
  return content;
}

}  // namespace tvfs
