// ext4-inline-race: may page_mkwrite change the inline state without inode_lock?
//
// The story. When a small file, which lives in its inode, is stored to through a mapping, ext4's page_mkwrite
// converts it: it clears EXT4_STATE_MAY_INLINE_DATA, asks for a block, and sets the state again where there
// is none. A write(2) looks at the state in write_begin and once more in write_end, holding inode_lock, which
// page_mkwrite does not: between the two looks the state changes and comes back, and a BUG_ON meets what it
// forbids. Write-back looks without inode_lock too. A first patch took the conversion and the BUG_ON away:
// then what is stored through the mapping is never written to storage, which its reviewer would not have. To
// take inode_lock in page_mkwrite ends the race and is a deadlock (ext4-mkwrite-inline). What cures it is to
// convert before mmap_lock is taken, or to drop mmap_lock, convert, and fault again; and no space must cost
// the storer a SIGBUS and the file no byte.
//
// File A is inline; the writer's data are pages of a mapping of file B. Each line waits for the one before:
//
//   writer   overwrites the first quarter of A: write_begin and write_end look
//   storer   maps A and stores into its second half, while storage is full: SIGBUS, and A is as it was
//   writer   overwrites the second quarter
//   storer   maps A again and stores, now that there is space
//   cleaner  writes A back, of its own accord
//   mapper   maps another file and takes it away again: what makes the deadlock of `locked` possible
//   writer   overwrites both again; then all is compared
#include <cerrno>
#include <vector>

#include "ext4ish.h"
#include "fault_handler.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace ext4_inline_race {

constexpr Variant kVariants[] = {
    {"broken", true, "assertion: the state is changed, and looked at by write-back, without inode_lock"},
    {"unguarded", true, "unguarded: the state, with no assertions annotated"},
    {"locked", true, "an error: inode_lock -> mmap_lock -> inode_lock, as in ext4-mkwrite-inline"},
    {"revert", true, "nothing: the model's own check finds that stores are not in storage, and exits 1"},
    {"pre-mmap", false, "nothing at warning or above"},
    {"retry", false, "nothing at warning or above", Hangs::No, true},
};

InlineConversion conversion_of(const Variant& variant) {
  if (variant.name == "locked") return InlineConversion::InMkwrite;
  if (variant.name == "revert") return InlineConversion::Never;
  if (variant.name == "pre-mmap") return InlineConversion::InPreMmap;
  return variant.name == "retry" ? InlineConversion::InMkwriteRetry : InlineConversion::InMkwriteUnlocked;
}

InlineRules rules_of(const Variant& variant) {
  return {.assertions = variant.name != "unguarded", .accesses = variant.name != "broken"};
}

constexpr std::size_t kQuarter = 32;
constexpr std::size_t kHalf = 2 * kQuarter;
constexpr std::size_t kSize = 2 * kHalf;
static_assert(kSize <= kInlineMax);

constexpr std::size_t kBufferPages = 4;  // of file B: the writer faults on each once
constexpr std::size_t kBlocks = kBufferPages + 1;

enum Contents : std::uint64_t { kInitial, kBuffer, kRefused, kStored };

struct World {
  explicit World(const RunOptions& how)
      : options(how), mm(how.faults_by), fs(conversion_of(how.variant), 3, kBlocks, rules_of(how.variant)) {}

  const RunOptions& options;
  Mm mm;
  Ext4 fs;
  DataCheck data;
  Turns turns;
  Ext4Inode* a = nullptr;
  Ext4Inode* filler = nullptr;  // has the last block, at first
  const std::byte* b_mapped = nullptr;

  // Whether a store that finds no space fails. The revert asks for none.
  bool refuses() const { return options.variant.name != "revert"; }

  void overwrite(std::size_t quarter, std::size_t page, CopyBy by) {
    const std::size_t at = quarter * kQuarter;
    const ssize_t n = vfs_write(*a, at, b_mapped + page * kPageSize + at, kQuarter, by);
    data.holds("a write to file A", n == static_cast<ssize_t>(kQuarter));
  }

  // Maps A, stores into its second half, and takes it away again. Whether the store passed.
  bool store(std::uint64_t seed) {
    std::byte* const mapped = must_map(mm, *a, 1, true);
    const std::vector<std::byte> stored = content_of(seed, kHalf, kHalf);
    const bool passed = user_copy(mapped + kHalf, stored.data(), kHalf);
    vm_munmap(mm, mapped);
    return passed;
  }
};

void write_quarters(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.overwrite(0, 0, CopyBy::OwnAccess);
  world.turns.pass();
  world.turns.wait_for(2);
  world.overwrite(1, 1, CopyBy::RealKernel);
  world.turns.pass();
  world.turns.wait_for(6);
  world.overwrite(0, 2, CopyBy::OwnAccess);
  world.overwrite(1, 3, CopyBy::OwnAccess);
}

void store_half(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(1);
  const bool passed = world.store(kRefused);
  world.data.holds("a store without space gets SIGBUS", passed != world.refuses());
  if (world.refuses()) {
    world.data.holds("the file is still inline", world.a->may_inline_data);
    std::vector<std::byte> expected = content_of(kBuffer, kQuarter);
    const std::vector<std::byte> rest = content_of(kInitial, kSize - kQuarter, kQuarter);
    expected.insert(expected.end(), rest.begin(), rest.end());
    world.data.same("file A after a store that failed", expected, read_back(*world.a));
    world.data.same("file A in storage after it", expected, world.fs.stored(*world.a));
  }
  world.turns.pass();
  world.turns.wait_for(3);
  world.data.holds("the filler is truncated", vfs_truncate(*world.filler, 0) == 0);
  world.data.holds("a store with space", world.store(kStored));
  world.data.holds("it converts, or mmap did", world.a->may_inline_data == !world.refuses());
  world.turns.pass();
}

void clean(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(4);
  world.data.holds("write-back of file A", vfs_writeback(*world.a) == 0);
  world.turns.pass();
}

void map_another(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(5);
  vm_munmap(world.mm, must_map(world.mm, *world.filler, 1, false));
  world.turns.pass();
}

int run(const RunOptions& options) {
  World world(options);
  world.mm.uffd.require_failing_faults();
  world.a = world.fs.create();
  Ext4Inode& b = *world.fs.create();
  world.filler = world.fs.create();
  write_content(world.data, *world.a, kInitial, kSize);
  write_content(world.data, b, kBuffer, kBufferPages * kPageSize);
  write_content(world.data, *world.filler, kInitial, kPageSize);
  const std::byte more{};
  world.data.holds("storage is full",
                   vfs_write(*world.filler, kPageSize, &more, 1, CopyBy::OwnAccess) == -ENOSPC);
  // Each page of B must be missing when it is copied from, or the copy would not fault.
  world.data.holds("fsync of file B", vfs_fsync(b) == 0);
  invalidate_mapping_pages(b.i_mapping);
  world.b_mapped = must_map(world.mm, b, kBufferPages, false);
  {
    const FaultHandler handler(world.mm);
    Thread writer("writer", write_quarters, &world);
    Thread storer("storer", store_half, &world);
    Thread cleaner("cleaner", clean, &world);
    Thread mapper("mapper", map_another, &world);
    writer.join();
    storer.join();
    cleaner.join();
    mapper.join();
  }
  std::vector<std::byte> expected(kSize);
  fill_pattern(std::span(expected).first(kHalf), kBuffer, 0);
  for (std::size_t quarter : {0, 1}) {
    const std::size_t at = quarter * kQuarter;
    fill_pattern(std::span(expected).subspan(at, kQuarter), kBuffer, (2 + quarter) * kPageSize + at);
  }
  fill_pattern(std::span(expected).subspan(kHalf), kStored, kHalf);
  world.data.holds("fsync of file A", vfs_fsync(*world.a) == 0);
  world.data.same("stores to file A in storage", expected, world.fs.stored(*world.a));
  vm_munmap(world.mm, const_cast<std::byte*>(world.b_mapped));
  return world.data.verdict();
}

}  // namespace ext4_inline_race

const Scenario kExt4InlineRace = {
    .name = "ext4-inline-race",
    .summary = "page_mkwrite changes the inline state without inode_lock while write and write-back look",
    .variants = ext4_inline_race::kVariants,
    .run = ext4_inline_race::run,
};

}  // namespace tvfs
