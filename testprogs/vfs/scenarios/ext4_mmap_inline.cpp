// ext4-mmap-inline: who may convert inline data when a file is mapped?
//
// The story. ext4 keeps a small file in its inode, and converts it to blocks when the first store through a
// mapping arrives, in page_mkwrite, where it races with write(2). A patch moved the conversion into ->mmap
// and took inode_lock for it. lockdep objected: ->mmap runs with mmap_lock held, and a buffered write holds
// inode_lock when its user buffer faults, which takes mmap_lock. Two cures were named in the thread: a hook
// that runs before mmap_lock is taken, and not to convert at all: mmap cannot change the size, so write-back
// can copy the page into the inode, and what does grow the size converts without mmap_lock.
//
// Two threads work on file A, whose writer takes its data from a mapping of file B, so that a write to A
// faults on B's pages:
//
//   writer   makes A and B; writes B, puts it out of memory and maps it
//   writer   overwrites A from a page of B nobody touched, by own load:    inode_lock -> (fault) mmap_lock
//            then from B's next page, by the real kernel's copy:           inode_lock -> (fault) mmap_lock
//   mmapper  maps A, looks, stores, syncs, stores, unmaps; when broken:    mmap_lock -> inode_lock
//   writer   grows A past what fits inline, by write or truncate; checks all data
//
// In turns, each line waits for the one before it; else the lines in the middle overlap. --really: the writer
// holds inode_lock and the mmapper mmap_lock before either goes on.
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "data_check.h"
#include "ext4ish.h"
#include "fault_handler.h"
#include "mm.h"
#include "panic.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "thread.h"
#include "turns.h"
#include "vfs.h"

namespace tvfs {
namespace ext4_mmap_inline {

using Clock = std::chrono::steady_clock;

constexpr Variant kVariants[] = {
    {"broken", true,
     "one error: inode_lock -> mmap_lock -> inode_lock, feasible, into mmap_lock by faults (user and "
     "kernel-copy)",
     Hangs::Yes},
    {"pre-mmap", false, "nothing at warning or above"},
    {"no-convert", false, "nothing at warning or above"},
};

InlineConversion conversion_of(const Variant& variant) {
  if (variant.name == "broken") return InlineConversion::InMmap;
  return variant.name == "pre-mmap" ? InlineConversion::InPreMmap : InlineConversion::OnGrowth;
}

// File A at first: [0, kWrites) is what the writer overwrites, [kWrites, kSize) what the mmapper does. It
// fits inline.
constexpr std::size_t kHalf = 48;
constexpr std::size_t kWrites = 2 * kHalf;
constexpr std::size_t kSize = 144;
static_assert(kSize <= kInlineMax);

constexpr std::size_t kBeyondEnd = 200;  // a store here is past the end of A, and of what fits inline
constexpr std::size_t kBufferPages = 2;  // of file B: one for each way to copy
constexpr std::size_t kBufferOffset = 16;
constexpr std::size_t kGrowBy = 300;

constexpr int kRounds = 2;  // at least: one grows A by write, one by truncate

// The schedule that hangs.
struct BothLocked {
  Event armed;
  Event inode_locked;
  Event mmap_locked;

  static void at(void* self, Place place) {
    auto& events = *static_cast<BothLocked*>(self);
    if (!events.armed.has_happened()) return;
    if (place == Place::InodeLocked) {
      events.inode_locked.happen();
      events.mmap_locked.wait();
    } else if (place == Place::MmapLocked) {
      events.mmap_locked.happen();
      events.inode_locked.wait();
    }
  }
};

struct Shared {
  const RunOptions& options;
  BothLocked& both_locked;
  Clock::time_point deadline;
  Mm& mm;
  Ext4& fs;
  DataCheck& data;
};

// A writer and a mmapper with their two files.
class Pair {
 public:
  Pair(const Shared& shared, std::uint64_t number)
      : shared_(shared),
        seed_(number << 32),
        writer_(
            "writer", [](void* self) { static_cast<Pair*>(self)->write_rounds(); }, this),
        mmapper_(
            "mmapper", [](void* self) { static_cast<Pair*>(self)->map_rounds(); }, this) {}

  void join() {
    writer_.join();
    mmapper_.join();
  }

 private:
  void write_rounds();
  void map_rounds();

  void set_up();
  void overwrite();
  void map_and_store();
  void grow();
  void check_and_tear_down();

  std::byte* map(Ext4Inode& inode, std::size_t pages, bool writable) {
    return must_map(shared_.mm, inode, pages, writable);
  }
  void write(Ext4Inode& inode, std::size_t pos, const std::byte* from, std::size_t n, CopyBy by) {
    const ssize_t written = vfs_write(inode, pos, from, n, by);
    shared_.data.holds("write takes all bytes", written == static_cast<ssize_t>(n));
  }
  bool grows_by_write() const { return round_ % 2 == 0; }
  bool never_converts() const { return conversion_of(shared_.options.variant) == InlineConversion::OnGrowth; }

  // Contents, by round.
  std::uint64_t initial() const { return seed_ + round_ * 5; }
  std::uint64_t buffer() const { return seed_ + round_ * 5 + 1; }
  std::uint64_t stored_first() const { return seed_ + round_ * 5 + 2; }
  std::uint64_t stored_again() const { return seed_ + round_ * 5 + 3; }
  std::uint64_t stored_last() const { return seed_ + round_ * 5 + 4; }

  const Shared& shared_;
  const std::uint64_t seed_;

  // Handed over with the turn.
  Turns turns_;
  std::uint64_t round_ = 0;
  bool done_ = false;
  Ext4Inode* a_ = nullptr;
  Ext4Inode* b_ = nullptr;
  const std::byte* b_mapped_ = nullptr;

  Thread writer_;
  Thread mmapper_;
};

void Pair::write_rounds() {
  const bool in_turns = shared_.options.in_turns() && !shared_.options.really;
  for (unsigned turn = 0;; turn += 2) {
    done_ = round_ >= kRounds && Clock::now() >= shared_.deadline;
    if (!done_) set_up();
    if (!done_ && in_turns) overwrite();
    if (shared_.options.really) shared_.both_locked.armed.happen();
    turns_.pass();
    if (done_) return;
    if (!in_turns) overwrite();
    if (!in_turns) grow();
    turns_.wait_for(turn + 2);
    if (in_turns) grow();
    check_and_tear_down();
    ++round_;
  }
}

void Pair::map_rounds() {
  for (unsigned turn = 0;; turn += 2) {
    turns_.wait_for(turn + 1);
    if (done_) return;
    map_and_store();
    turns_.pass();
  }
}

void Pair::set_up() {
  a_ = shared_.fs.create();
  b_ = shared_.fs.create();
  if (a_ == nullptr || b_ == nullptr) panic("no inode is left", ENOSPC);

  std::vector<std::byte> content(kSize);
  fill_pattern(content, initial(), 0);
  write(*a_, 0, content.data(), content.size(), CopyBy::OwnAccess);
  shared_.data.holds("a new small file is inline", a_->may_inline_data);

  content.resize(kBufferPages * kPageSize);
  fill_pattern(content, buffer(), 0);
  write(*b_, 0, content.data(), content.size(), CopyBy::RealKernel);
  shared_.data.holds("fsync of the buffer file", vfs_fsync(*b_) == 0);
  // Each page of B must be missing when it is copied from, or the copy would not fault.
  invalidate_mapping_pages(b_->i_mapping);
  b_mapped_ = map(*b_, kBufferPages, false);
}

void Pair::overwrite() {
  write(*a_, 0, b_mapped_ + kBufferOffset, kHalf, CopyBy::OwnAccess);
  write(*a_, kHalf, b_mapped_ + kPageSize + kBufferOffset, kHalf, CopyBy::RealKernel);
}

void Pair::map_and_store() {
  std::byte* const mapped = map(*a_, 1, true);
  const bool in_turns = shared_.options.in_turns();
  if (in_turns) shared_.data.holds("mmap converts, or never does", a_->may_inline_data == never_converts());

  std::vector<std::byte> content(kSize - kWrites);
  fill_pattern(content, initial(), kWrites);
  shared_.data.same("file A through its mapping", content, {mapped + kWrites, content.size()});

  // Twice, because write-back must protect the page again for the second store to be seen.
  for (const std::uint64_t seed : {stored_first(), stored_again()}) {
    fill_pattern(content, seed, 0);
    std::memcpy(mapped + kWrites, content.data(), content.size());
    shared_.data.holds("fsync of file A", vfs_fsync(*a_) == 0);
    if (!in_turns) continue;
    const std::vector<std::byte> stored = shared_.fs.stored(*a_);
    shared_.data.same("stores to file A after fsync", content, std::span(stored).subspan(kWrites));
  }

  // Left to whoever writes back later. What lies past the end must not come up when the file grows over it.
  fill_pattern(content, stored_last(), 0);
  std::memcpy(mapped + kWrites, content.data(), content.size());
  if (in_turns) mapped[kBeyondEnd] = std::byte{0xee};
  vm_munmap(shared_.mm, mapped);
}

void Pair::grow() {
  if (shared_.options.in_turns())
    shared_.data.holds("mmap, stores and fsync leave an inline file inline, where they do not convert",
                       a_->may_inline_data == never_converts());
  std::size_t at = kPageSize - kGrowBy / 2;  // over a page's end
  if (!grows_by_write()) {
    at = kPageSize + kGrowBy;
    shared_.data.holds("truncate of file A", vfs_truncate(*a_, at + kGrowBy) == 0);
  }
  write(*a_, at, b_mapped_, kGrowBy, grows_by_write() ? CopyBy::OwnAccess : CopyBy::RealKernel);
  shared_.data.holds("growth converts", !a_->may_inline_data);
}

void Pair::check_and_tear_down() {
  const std::size_t grown_at = grows_by_write() ? kPageSize - kGrowBy / 2 : kPageSize + kGrowBy;
  std::vector<std::byte> expected(grown_at + kGrowBy);
  const std::span<std::byte> all(expected);
  fill_pattern(all.subspan(0, kHalf), buffer(), kBufferOffset);
  fill_pattern(all.subspan(kHalf, kHalf), buffer(), kPageSize + kBufferOffset);
  fill_pattern(all.subspan(kWrites, kSize - kWrites), stored_last(), 0);
  fill_pattern(all.subspan(grown_at), buffer(), 0);

  shared_.data.holds("fsync of file A", vfs_fsync(*a_) == 0);
  shared_.data.same("file A in storage", expected, shared_.fs.stored(*a_));
  invalidate_mapping_pages(a_->i_mapping);
  std::vector<std::byte> read(expected.size() + 1);
  const ssize_t n = vfs_read(*a_, 0, read.data(), read.size());
  shared_.data.same("file A read from storage", expected,
                    std::span(read).first(n > 0 ? static_cast<std::size_t>(n) : 0));

  vm_munmap(shared_.mm, const_cast<std::byte*>(b_mapped_));
  shared_.fs.remove(*a_);
  shared_.fs.remove(*b_);
}

int run(const RunOptions& options) {
  const auto pairs_wanted = static_cast<std::size_t>(options.threads);
  Mm mm(options.faults_by);
  Ext4 fs(conversion_of(options.variant), 2 * pairs_wanted);
  DataCheck data;
  const auto duration =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  BothLocked both_locked;
  std::optional<Scheduled> scheduled;
  if (options.really) scheduled.emplace(BothLocked::at, &both_locked);
  const Shared shared{.options = options,
                      .both_locked = both_locked,
                      .deadline = Clock::now() + duration,
                      .mm = mm,
                      .fs = fs,
                      .data = data};
  {
    const FaultHandler handler(mm);
    std::deque<Pair> pairs;
    for (std::size_t i = 0; i < pairs_wanted; ++i) pairs.emplace_back(shared, i);
    for (Pair& pair : pairs) pair.join();
  }
  return data.verdict();
}

}  // namespace ext4_mmap_inline

const Scenario kExt4MmapInline = {
    .name = "ext4-mmap-inline",
    .summary = "->mmap converts inline data under mmap_lock; a buffered write faults under inode_lock",
    .variants = ext4_mmap_inline::kVariants,
    .run = ext4_mmap_inline::run,
    .overlaps = true,
};

}  // namespace tvfs
