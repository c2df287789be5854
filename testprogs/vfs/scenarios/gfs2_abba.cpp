// gfs2-abba: two files, each written from a mapping of the other.
//
// The story. gfs2 guards an inode by a cluster lock, its glock, held over the whole of a write, and a fault
// takes the glock of the inode it is on. The mail thread is about a file that is its own buffer (gfs2-self);
// with two files it takes two threads, and each waits for the other. Our construction:
//
//   first    write(A, from a mapping of B):   glock A exclusive -> (fault) mmap_lock -> glock B shared
//   second   write(B, from a mapping of A):   glock B exclusive -> (fault) mmap_lock -> glock A shared
//
// each once by the file system's own load and once by the real kernel's copy. Locks of one class in both
// orders: only instances tell it from a write to a file from a mapping of any other. In turns the second
// begins when the first is done; else they overlap. --really: both hold their glock before either copies. The
// mappings are made before and go after both: a thread that maps meanwhile would bring a cycle of its own
// (glock -> mmap_lock -> glock).
#include <atomic>
#include <chrono>
#include <deque>
#include <optional>

#include "fault_handler.h"
#include "gfs2ish.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace gfs2_abba {

using Clock = std::chrono::steady_clock;

constexpr Variant kVariants[] = {
    {"broken", true,
     "glock -> glock -> glock, feasible, through faults (user and kernel-copy); with a handler for all also "
     "glock -> service -> glock, as it serves one fault at a time",
     Hangs::BySigbus},
    {"fault-in", false, "nothing at warning or above"},
};

Gfs2Options options_of(const Variant& variant) {
  return {.copy = variant.broken ? Gfs2Copy::Holding : Gfs2Copy::FaultIn};
}

// Of each file. The first page is written, the others are the buffer of whoever writes the other file.
constexpr std::size_t kPages = 3;
constexpr CopyBy kCopies[] = {CopyBy::OwnAccess, CopyBy::RealKernel};

struct File {
  Gfs2Inode* inode;
  std::byte* mapped;
  std::uint64_t seed;
};

struct Shared {
  const RunOptions& options;
  Clock::time_point deadline;
  DataCheck& data;
};

// Two writers and their two files.
class Pair {
 public:
  Pair(const Shared& shared, const File& a, const File& b)
      : shared_(shared),
        a_(a),
        b_(b),
        first_(
            "first", [](void* self) { static_cast<Pair*>(self)->first(); }, this),
        second_(
            "second", [](void* self) { static_cast<Pair*>(self)->second(); }, this) {}

  void join() {
    first_.join();
    second_.join();
  }

 private:
  void first();
  void second();
  void write_rounds(const File& to, const File& from);

  const Shared& shared_;
  const File a_, b_;
  Turns turns_;
  Thread first_;
  Thread second_;
};

void Pair::first() {
  write_rounds(a_, b_);
  turns_.pass();
}

void Pair::second() {
  if (shared_.options.in_turns() && !shared_.options.really) turns_.wait_for(1);
  write_rounds(b_, a_);
}

void Pair::write_rounds(const File& to, const File& from) {
  do {
    for (std::size_t i = 0; i < std::size(kCopies); ++i) {
      // The page must be missing, or the copy would not fault.
      invalidate_mapping_pages(from.inode->i_mapping);
      const ssize_t n = vfs_write(*to.inode, 0, from.mapped + (i + 1) * kPageSize, kPageSize, kCopies[i]);
      shared_.data.holds("write takes all bytes", n == static_cast<ssize_t>(kPageSize));
    }
  } while (Clock::now() < shared_.deadline);
}

// The schedule that hangs: nobody copies before both hold their glock.
struct BothLocked {
  std::atomic<int> locked{0};

  static void at(void* self, Place place) {
    auto& both = *static_cast<BothLocked*>(self);
    if (place != Place::GlockHeld) return;
    both.locked.fetch_add(1);
    while (both.locked.load() < 2) ::usleep(100);
  }
};

File make_file(DataCheck& data, Mm& mm, InodeTable<Gfs2Inode>& fs, std::uint64_t seed) {
  Gfs2Inode* const inode = fs.create();
  if (inode == nullptr) panic("no inode is left", ENOSPC);
  write_content(data, *inode, seed, kPages * kPageSize);
  data.holds("fsync", vfs_fsync(*inode) == 0);
  return {inode, must_map(mm, *inode, kPages, false), seed};
}

// The first page is the last one of the other file, the others are as they were.
void check_file(DataCheck& data, const File& file, const File& other) {
  std::vector<std::byte> expected = content_of(file.seed, kPages * kPageSize);
  fill_pattern(std::span(expected).first(kPageSize), other.seed, (kPages - 1) * kPageSize);
  data.holds("fsync", vfs_fsync(*file.inode) == 0);
  data.same("a file in storage", expected, simple_stored(*file.inode));
  data.same("a file through its mapping", expected, {file.mapped, expected.size()});
}

int run(const RunOptions& options) {
  const auto pairs_wanted = static_cast<std::size_t>(options.threads);
  Mm mm(options.faults_by);
  InodeTable<Gfs2Inode> fs(2 * pairs_wanted, gfs2_file_operations(options_of(options.variant)));
  DataCheck data;
  const auto duration =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  const Shared shared{.options = options, .deadline = Clock::now() + duration, .data = data};
  const FaultHandler handler(mm);
  std::vector<File> files;
  for (std::size_t i = 0; i < 2 * pairs_wanted; ++i) files.push_back(make_file(data, mm, fs, i));
  {
    BothLocked both;
    std::optional<Scheduled> scheduled;
    if (options.really) scheduled.emplace(BothLocked::at, &both);
    std::deque<Pair> pairs;
    for (std::size_t i = 0; i < pairs_wanted; ++i) pairs.emplace_back(shared, files[2 * i], files[2 * i + 1]);
    for (Pair& pair : pairs) pair.join();
  }
  for (std::size_t i = 0; i < files.size(); ++i) check_file(data, files[i], files[i ^ 1]);
  for (const File& file : files) {
    vm_munmap(mm, file.mapped);
    fs.remove(*file.inode);
  }
  return data.verdict();
}

}  // namespace gfs2_abba

const Scenario kGfs2Abba = {
    .name = "gfs2-abba",
    .summary = "two files, each written from a mapping of the other, with the glock held over the copy",
    .variants = gfs2_abba::kVariants,
    .run = gfs2_abba::run,
    .overlaps = true,
};

}  // namespace tvfs
