// mmap-rw-fault: reads and writes between mappings of many files, at random, and every byte right.
//
// The story. After the repairs that the mail threads ask for, a test is wanted that does all at once what
// each of them was about, as fstests' of that name does for the deadlocks of gfs2: buffers of read and write
// that are mappings of other files, and of the same, whose pages come and go meanwhile. Nothing may hang,
// nothing may be reported, and no byte may be wrong.
//
// Threads share files of every repaired file system. Each page is divided among them, so that all of them use
// every page, and each knows what its own bytes must be. A thread picks at random: to write a file from
// memory or from a mapping (copied by an access of its own or by the real kernel), to read into one, to store
// to a mapping or look at it, to store by a pin, to map again, remap or take away, to sync, clean or drop
// pages; and to put a small file of its own through its life, hole punch, growth and direct read included.
// Without --threads and --seconds: four threads, for a fixed number of steps.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "ext2ish.h"
#include "ext4ish.h"
#include "fault_handler.h"
#include "gfs2ish.h"
#include "gup.h"
#include "ntfs3ish.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "scenarios/file_lives.h"
#include "sigbus.h"
#include "thread.h"
#include "xfsish.h"

namespace tvfs {
namespace mmap_rw_fault {

using Clock = std::chrono::steady_clock;

constexpr Variant kVariants[] = {{"fixed", false, "nothing at warning or above"}};

constexpr std::size_t kPages = kMaxPages;  // of a shared file
constexpr int kDefaultThreads = 4;
constexpr int kDefaultSteps = 400;

// All file systems, mounted; the files that threads share, and where storage is looked at.
class Mounts {
 public:
  explicit Mounts(const RunOptions& options, std::size_t threads)
      : on_growth(InlineConversion::OnGrowth, 2 + threads),
        pre_mmap(InlineConversion::InPreMmap, 2 + threads),
        retry(InlineConversion::InMkwriteRetry, 2 + threads),
        trylock(MapPages::TryLock, 2 + threads),
        mmaplock(MapPages::MmapLock, 2 + threads),
        gfs2(2, gfs2_file_operations({.copy = Gfs2Copy::FaultIn})),
        ext2(2, ext2_file_operations(Ext2Copy::Atomic)),
        ntfs3(2, ntfs3_file_operations(Ntfs3Fiemap::CopyAfterUnlock)) {
    ext4 = {&on_growth, &pre_mmap};
    // It waits in its fault path for a lock whose holder may fault: not with one handler for all.
    if (options.faults_by == FaultsBy::Sigbus) ext4.push_back(&retry);
    for (Ext4* fs : ext4)
      for (int i = 0; i < 2; ++i) {
        Ext4Inode* const file = fs->create();
        files.push_back({file, [fs, file] { return fs->stored(*file); }});
      }
    for (Xfs* fs : {&trylock, &mmaplock})
      for (std::size_t i = 0; i < 2; ++i) {
        XfsInode* const file = &fs->file(i);
        files.push_back({file, [fs, file] { return fs->stored(*file); }});
      }
    add_simple(gfs2);
    add_simple(ext2);
    add_simple(ntfs3);
  }

  struct SharedFile {
    Inode* inode;
    std::function<std::vector<std::byte>()> stored;
  };

  Ext4 on_growth;
  Ext4 pre_mmap;
  Ext4 retry;
  Xfs trylock;
  Xfs mmaplock;
  InodeTable<Gfs2Inode> gfs2;
  InodeTable<SimpleInode> ext2;
  InodeTable<Ntfs3Inode> ntfs3;
  std::vector<Ext4*> ext4;
  std::vector<SharedFile> files;

 private:
  template <class I>
  void add_simple(InodeTable<I>& fs) {
    for (int i = 0; i < 2; ++i) {
      I* const file = fs.create();
      files.push_back({file, [file] { return simple_stored(*file); }});
    }
  }
};

struct World {
  World(const RunOptions& options, std::size_t number)
      : threads(number), mm(options.faults_by), mounts(options, number) {}

  const std::size_t threads;
  Mm mm;
  Mounts mounts;
  DataCheck data;
  std::optional<Clock::time_point> deadline;
  std::vector<std::byte*> mapped;  // of each file: the mapping that all threads use

  std::size_t share() const { return kPageSize / threads; }
};

class Worker {
 public:
  Worker(World& world, std::size_t number)
      : world_(world), number_(number), random_(number), mine_(world.mounts.files.size()) {
    for (File& file : mine_) file.expected.assign(kPages, std::vector<std::byte>(world.share()));
    thread_.emplace(
        "worker", [](void* self) { static_cast<Worker*>(self)->work(); }, this);
  }

  void join() { thread_->join(); }

  // What this thread's bytes of a page must be, and where they are in the file.
  std::span<const std::byte> expected(std::size_t file, std::size_t page) const {
    return mine_[file].expected[page];
  }
  std::size_t position(std::size_t page) const { return page * kPageSize + number_ * world_.share(); }

 private:
  struct File {
    std::byte* mapped = nullptr;  // this thread's own mapping
    std::size_t pages = 0;        // of it
    std::vector<std::vector<std::byte>> expected;
  };

  // This thread's bytes of one page of one file.
  struct Slice {
    std::size_t file;
    std::size_t page;
  };

  void work();
  void step();
  void write_from_memory();
  void write_from_mapping();
  void read_into_mapping();
  void read_into_memory();
  void store();
  void load();
  void store_by_pin();
  void change_mapping();
  void clean();
  void file_life();

  std::size_t pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  Slice pick_slice() { return {pick(mine_.size()), pick(kPages)}; }
  CopyBy pick_copy() { return pick(2) == 0 ? CopyBy::OwnAccess : CopyBy::RealKernel; }

  Inode& inode(Slice at) { return *world_.mounts.files[at.file].inode; }
  std::vector<std::byte>& expected(Slice at) { return mine_[at.file].expected[at.page]; }
  std::vector<std::byte> new_content() { return content_of(random_(), world_.share()); }

  // Where the slice is mapped: in this thread's mapping, if it reaches so far, or in that of all.
  std::byte* address(Slice at) {
    const File& file = mine_[at.file];
    std::byte* const start = at.page < file.pages && pick(2) == 0 ? file.mapped : world_.mapped[at.file];
    return start + position(at.page);
  }

  void all(const char* what, ssize_t result) {
    world_.data.holds(what, result == static_cast<ssize_t>(world_.share()));
  }

  World& world_;
  const std::size_t number_;
  std::mt19937_64 random_;
  std::vector<File> mine_;
  std::optional<Thread> thread_;
};

void Worker::work() {
  const auto may_go_on = [&](int steps) {
    return world_.deadline ? Clock::now() < *world_.deadline : steps < kDefaultSteps;
  };
  for (int steps = 0; may_go_on(steps); ++steps) step();
  for (File& file : mine_)
    if (file.pages != 0) vm_munmap(world_.mm, file.mapped);
}

void Worker::step() {
  switch (pick(16)) {
    case 0:
    case 1:
      return write_from_memory();
    case 2:
    case 3:
    case 4:
      return write_from_mapping();
    case 5:
    case 6:
      return read_into_mapping();
    case 7:
      return read_into_memory();
    case 8:
    case 9:
      return store();
    case 10:
      return load();
    case 11:
      return store_by_pin();
    case 12:
    case 13:
      return change_mapping();
    case 14:
      return clean();
    default:
      return file_life();
  }
}

void Worker::write_from_memory() {
  const Slice to = pick_slice();
  expected(to) = new_content();
  all("write", vfs_write(inode(to), position(to.page), expected(to).data(), world_.share(), pick_copy()));
}

void Worker::write_from_mapping() {
  const Slice to = pick_slice();
  const Slice from = pick_slice();
  all("write from a mapping",
      vfs_write(inode(to), position(to.page), address(from), world_.share(), pick_copy()));
  expected(to) = std::vector<std::byte>(expected(from));
}

void Worker::read_into_mapping() {
  const Slice from = pick_slice();
  const Slice to = pick_slice();
  all("read into a mapping",
      vfs_read(inode(from), position(from.page), address(to), world_.share(), pick_copy()));
  expected(to) = std::vector<std::byte>(expected(from));
}

void Worker::read_into_memory() {
  const Slice from = pick_slice();
  std::vector<std::byte> bytes(world_.share());
  all("read", vfs_read(inode(from), position(from.page), bytes.data(), bytes.size(), pick_copy()));
  world_.data.same("what was read", expected(from), bytes);
}

void Worker::store() {
  const Slice to = pick_slice();
  expected(to) = new_content();
  world_.data.holds("a store", user_copy(address(to), expected(to).data(), world_.share()));
}

void Worker::load() {
  const Slice from = pick_slice();
  std::vector<std::byte> bytes(world_.share());
  world_.data.holds("a load", user_copy(bytes.data(), address(from), bytes.size()));
  world_.data.same("a mapping", expected(from), bytes);
}

void Worker::store_by_pin() {
  const Slice to = pick_slice();
  expected(to) = new_content();
  const PinPolicy policy = pick(2) == 0 ? PinPolicy::WriteBegin : PinPolicy::NotifyAndKeep;
  const auto at = reinterpret_cast<std::uintptr_t>(address(to));
  world_.data.holds("a store by a pin", remote_write(world_.mm, at, expected(to), policy) == 0);
}

void Worker::change_mapping() {
  const std::size_t number = pick(mine_.size());
  File& file = mine_[number];
  const std::size_t pages = pick(kPages) + 1;
  if (file.pages == 0) {
    file.mapped = must_map(world_.mm, *world_.mounts.files[number].inode, pages, true);
    file.pages = pages;
  } else if (pick(2) == 0) {
    file.mapped = vm_mremap(world_.mm, file.mapped, pages * kPageSize);
    if (file.mapped == nullptr) panic("mremap", errno);
    file.pages = pages;
  } else {
    vm_munmap(world_.mm, file.mapped);
    file.pages = 0;
  }
}

void Worker::clean() {
  Inode& file = *world_.mounts.files[pick(mine_.size())].inode;
  switch (pick(3)) {
    case 0:
      return world_.data.holds("fsync", vfs_fsync(file) == 0);
    case 1:
      return world_.data.holds("write-back", vfs_writeback(file) == 0);
    default:
      return invalidate_mapping_pages(file.i_mapping);
  }
}

// A file that no other thread uses.
void Worker::file_life() {
  if (pick(2) == 0) {
    life_of_small_file(world_.mm, *world_.mounts.ext4[pick(world_.mounts.ext4.size())], world_.data, random_);
    return;
  }
  Xfs& fs = pick(2) == 0 ? world_.mounts.trylock : world_.mounts.mmaplock;
  life_of_hole(world_.mm, fs, fs.file(2 + number_), world_.data, random_);
}

int run(const RunOptions& options) {
  const int threads = options.in_turns() ? kDefaultThreads : options.threads;
  World world(options, static_cast<std::size_t>(threads));
  world.mm.uffd.require_failing_faults();
  if (!options.in_turns())
    world.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(options.seconds));
  for (const Mounts::SharedFile& file : world.mounts.files) {
    if (vfs_truncate(*file.inode, kPages * kPageSize) != 0) panic("truncate", EIO);
    world.mapped.push_back(must_map(world.mm, *file.inode, kPages, true));
  }
  const FaultHandler handler(world.mm);
  std::deque<Worker> workers;
  for (std::size_t i = 0; i < world.threads; ++i) workers.emplace_back(world, i);
  for (Worker& worker : workers) worker.join();

  for (std::size_t number = 0; number < world.mounts.files.size(); ++number) {
    Inode& file = *world.mounts.files[number].inode;
    std::vector<std::byte> expected(kPages * kPageSize);
    for (const Worker& worker : workers)
      for (std::size_t page = 0; page < kPages; ++page) {
        const auto bytes = worker.expected(number, page);
        std::copy(bytes.begin(), bytes.end(),
                  expected.begin() + static_cast<std::ptrdiff_t>(worker.position(page)));
      }
    std::vector<std::byte> seen(expected.size());
    world.data.holds("the mapping can be read", user_copy(seen.data(), world.mapped[number], seen.size()));
    world.data.same("the mapping of a shared file", expected, seen);
    world.data.holds("fsync of a shared file", vfs_fsync(file) == 0);
    world.data.same("a shared file in storage", expected, world.mounts.files[number].stored());
    invalidate_mapping_pages(file.i_mapping);
    world.data.same("a shared file read from storage", expected, read_back(file));
    vm_munmap(world.mm, world.mapped[number]);
  }
  return world.data.verdict();
}

}  // namespace mmap_rw_fault

const Scenario kMmapRwFault = {
    .name = "mmap-rw-fault",
    .summary = "reads and writes between mappings of many files at random; all fixed",
    .variants = mmap_rw_fault::kVariants,
    .run = mmap_rw_fault::run,
    .overlaps = true,
};

}  // namespace tvfs
