#include "gfs2ish.h"

#include <faultline/annotate.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "mm.h"
#include "schedule.h"

namespace tvfs {

static Gfs2Inode& gfs2_inode(Inode& inode) {
  return static_cast<Gfs2Inode&>(inode);
}

// ---- file_operations ----

// How much of a write or read goes from or to the program at a time: never over a page's end.
static std::size_t chunk_at(std::size_t pos, std::size_t n) {
  return std::min(n, kPageSize - pos % kPageSize);
}

// Stores the bounce page's first n bytes at `pos`. The glock is held exclusive.
static int gfs2_write_page(Gfs2Inode& inode, std::size_t pos, std::size_t n) {
  std::unique_lock<Mutex> locked;
  if (const int error = simple_write_begin(inode, pos, n, locked); error != 0) return error;
  std::memcpy(inode.i_mapping.page_address(0) + pos, inode.bounce.data(), n);
  simple_write_end(inode, pos, n);
  return 0;
}

// What the kernel's uaccess says of itself, whether or not the page is there.
static void might_fault(const void* user, std::size_t n) {
  faultline_might_fault(user, n);
}

// The glock is held over the copy, as gfs2 did.
static ssize_t gfs2_file_write(Inode& base, std::size_t pos, const void* buffer, std::size_t n, CopyBy by) {
  Gfs2Inode& inode = gfs2_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const GlockHolder holder(inode.i_gl, GlockMode::Exclusive);
  schedule_point(Place::GlockHeld);
  for (std::size_t done = 0; done < n;) {
    const std::size_t chunk = chunk_at(pos + done, n - done);
    const std::byte* const from = static_cast<const std::byte*>(buffer) + done;
    might_fault(from, chunk);
    if (const int error = inode.bounce.copy_from_user(from, chunk, by); error != 0) return error;
    if (const int error = gfs2_write_page(inode, pos + done, chunk); error != 0) return error;
    done += chunk;
  }
  return static_cast<ssize_t>(n);
}

using ReadBuffer = std::array<std::byte, 512>;

static ssize_t gfs2_file_read(Inode& base, std::size_t pos, void* buffer, std::size_t n, CopyBy by) {
  Gfs2Inode& inode = gfs2_inode(base);
  const GlockHolder holder(inode.i_gl, GlockMode::Shared);
  schedule_point(Place::GlockHeld);
  ReadBuffer copy;
  std::size_t done = 0;
  while (const std::size_t chunk = simple_readable(inode, pos + done, std::min(n - done, copy.size()))) {
    if (const int error = simple_read_page(inode, pos + done, copy.data(), chunk); error != 0) return error;
    std::byte* const to = static_cast<std::byte*>(buffer) + done;
    might_fault(to, chunk);
    if (const int error = copy_to_user(to, copy.data(), chunk, by); error != 0) return error;
    done += chunk;
  }
  return static_cast<ssize_t>(done);
}

// ---- the cure: Gfs2Copy::FaultIn. Both do as much as goes without a fault; the glock is held ----

// Adds to `done` what was written.
static int gfs2_write_nofault(Gfs2Inode& inode, std::size_t pos, const std::byte* from, std::size_t n,
                              std::size_t& done) {
  while (done < n) {
    const std::size_t chunk = chunk_at(pos + done, n - done);
    const std::size_t copied = copy_from_user_nofault(inode.bounce.bytes(), from + done, chunk);
    if (copied == 0) return 0;
    if (const int error = gfs2_write_page(inode, pos + done, copied); error != 0) return error;
    done += copied;
  }
  return 0;
}

// Adds to `done` what was read; `at_end` where there is no more.
static int gfs2_read_nofault(Gfs2Inode& inode, std::size_t pos, std::byte* to, std::size_t n,
                             std::size_t& done, bool& at_end) {
  ReadBuffer copy;
  for (;;) {
    const std::size_t chunk = simple_readable(inode, pos + done, std::min(n - done, copy.size()));
    at_end = chunk == 0;
    if (at_end) return 0;
    if (const int error = simple_read_page(inode, pos + done, copy.data(), chunk); error != 0) return error;
    const std::size_t copied = copy_to_user_nofault(to + done, copy.data(), chunk);
    done += copied;
    if (copied < chunk) return 0;
  }
}

static ssize_t gfs2_file_write_fault_in(Inode& base, std::size_t pos, const void* buffer, std::size_t n,
                                        CopyBy) {
  Gfs2Inode& inode = gfs2_inode(base);
  const auto* const from = static_cast<const std::byte*>(buffer);
  const std::lock_guard guard(inode.i_rwsem);
  for (std::size_t done = 0; done < n;) {
    if (const int error = fault_in_readable(from + done, n - done); error != 0) return error;
    const GlockHolder holder(inode.i_gl, GlockMode::Exclusive);
    if (const int error = gfs2_write_nofault(inode, pos, from, n, done); error != 0) return error;
  }
  return static_cast<ssize_t>(n);
}

static ssize_t gfs2_file_read_fault_in(Inode& base, std::size_t pos, void* buffer, std::size_t n, CopyBy) {
  Gfs2Inode& inode = gfs2_inode(base);
  auto* const to = static_cast<std::byte*>(buffer);
  bool at_end = false;
  for (std::size_t done = 0;;) {
    {
      const GlockHolder holder(inode.i_gl, GlockMode::Shared);
      if (const int error = gfs2_read_nofault(inode, pos, to, n, done, at_end); error != 0) return error;
    }
    if (at_end) return static_cast<ssize_t>(done);
    if (const int error = fault_in_writeable(to + done, n - done); error != 0) return error;
  }
}

static int gfs2_fsync(Inode& inode) {
  const std::lock_guard guard(inode.i_rwsem);
  return filemap_write_and_wait(inode.i_mapping);
}

static int gfs2_setattr_size(Inode& base, std::size_t size) {
  Gfs2Inode& inode = gfs2_inode(base);
  const std::lock_guard guard(inode.i_rwsem);
  const GlockHolder holder(inode.i_gl, GlockMode::Exclusive);
  return simple_setsize(inode, size);
}

// ---- vm_operations: how a store takes the glock ----

static int fault_under_glock(VmFault& fault, GlockMode store) {
  const GlockHolder holder(gfs2_inode(fault.vma.inode).i_gl, fault.write ? store : GlockMode::Shared);
  return filemap_fault(fault);
}

static int mkwrite_under_glock(VmFault& fault, GlockMode store) {
  const GlockHolder holder(gfs2_inode(fault.vma.inode).i_gl, store);
  return filemap_page_mkwrite(fault);
}

static int gfs2_fault(VmFault& fault) {
  return fault_under_glock(fault, GlockMode::Exclusive);
}

static int gfs2_page_mkwrite(VmFault& fault) {
  return mkwrite_under_glock(fault, GlockMode::Exclusive);
}

static int gfs2_fault_shared(VmFault& fault) {
  return fault_under_glock(fault, GlockMode::Shared);
}

static int gfs2_page_mkwrite_shared(VmFault& fault) {
  return mkwrite_under_glock(fault, GlockMode::Shared);
}

constexpr VmOps kStoreExclusive = {
    .fault = gfs2_fault, .map_pages = filemap_map_pages, .page_mkwrite = gfs2_page_mkwrite};
constexpr VmOps kStoreShared = {
    .fault = gfs2_fault_shared, .map_pages = filemap_map_pages, .page_mkwrite = gfs2_page_mkwrite_shared};

template <GlockMode kStore>
static int gfs2_mmap(Inode&, VmArea& vma) {
  vma.ops = kStore == GlockMode::Shared ? &kStoreShared : &kStoreExclusive;
  return 0;
}

// ---- the tables ----

template <GlockMode kStore, Gfs2Copy kCopy>
constexpr FileOps kFileOps = {
    .pre_mmap = nullptr,
    .mmap = gfs2_mmap<kStore>,
    .read = kCopy == Gfs2Copy::Holding ? gfs2_file_read : gfs2_file_read_fault_in,
    .write = kCopy == Gfs2Copy::Holding ? gfs2_file_write : gfs2_file_write_fault_in,
    .fsync = gfs2_fsync,
    .truncate = gfs2_setattr_size};

const FileOps& gfs2_file_operations(const Gfs2Options& options) {
  const bool shared = options.write_fault == GlockMode::Shared;
  if (options.copy == Gfs2Copy::Holding)
    return shared ? kFileOps<GlockMode::Shared, Gfs2Copy::Holding>
                  : kFileOps<GlockMode::Exclusive, Gfs2Copy::Holding>;
  return shared ? kFileOps<GlockMode::Shared, Gfs2Copy::FaultIn>
                : kFileOps<GlockMode::Exclusive, Gfs2Copy::FaultIn>;
}

}  // namespace tvfs
