// ext4-mkwrite-inline: may page_mkwrite take inode_lock to convert inline data?
//
// The story. ext4 clears its inline state in page_mkwrite without inode_lock and races with write(2) for it
// (scenario ext4-inline-race). The cure that comes to mind is to take inode_lock there. But page_mkwrite runs
// on the fault path, with mmap_lock held shared, and a buffered write holds inode_lock when its user buffer
// faults. Both take mmap_lock shared: alone, neither keeps the other out. A third thread that maps anything
// waits for mmap_lock exclusive, and a reader does not pass a waiting writer: then all three hang. What cures
// it: to convert before mmap_lock is taken, or to drop it, convert, and fault again.
//
// File A is inline, and mapped before any thread starts; so is file B, whose pages are the writer's data:
//
//   writer   overwrites the first half of A from pages of B nobody touched:  inode_lock -> (fault) mmap_lock
//   storer   stores into the second half of A, by its mapping:               mmap_lock -> inode_lock, if
//   broken mapper   maps file C and takes it away again:                            mmap_lock, exclusive
//
// Each waits for the one before it. --really: the storer is in page_mkwrite and the writer holds inode_lock,
// then the mapper waits, and then both go on.
#include <optional>
#include <tuple>
#include <vector>

#include "ext4ish.h"
#include "fault_handler.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace ext4_mkwrite_inline {

constexpr Variant kVariants[] = {
    {"broken", true, "an error: inode_lock -> mmap_lock -> inode_lock, feasible as a third thread maps",
     Hangs::BySigbus},
    {"no-mapper", true,
     "the same orders and nobody maps: a note (with a handler for all: its service cycle)"},
    {"pre-mmap", false, "nothing at warning or above"},
    {"retry", false, "nothing at warning or above", Hangs::No, true},
};

InlineConversion conversion_of(const Variant& variant) {
  if (variant.name == "pre-mmap") return InlineConversion::InPreMmap;
  return variant.name == "retry" ? InlineConversion::InMkwriteRetry : InlineConversion::InMkwrite;
}

constexpr std::size_t kHalf = 64;
constexpr std::size_t kSize = 2 * kHalf;
static_assert(kSize <= kInlineMax);

enum Contents : std::uint64_t { kInitial, kBuffer, kStored };

struct World {
  explicit World(const RunOptions& how)
      : options(how), mm(how.faults_by), fs(conversion_of(how.variant), 3) {}

  const RunOptions& options;
  Mm mm;
  Ext4 fs;
  DataCheck data;
  Turns turns;
  Ext4Inode* a = nullptr;
  Ext4Inode* c = nullptr;
  std::byte* a_mapped = nullptr;
  const std::byte* b_mapped = nullptr;

  // The schedule that hangs.
  Event writer_locked;
  Event storer_in_mkwrite;
  Event mapper_goes;

  static void at(void* self, Place place) {
    auto& world = *static_cast<World*>(self);
    if (place == Place::InodeLocked) {
      world.writer_locked.happen();
      world.mapper_goes.wait();
      let_it_wait();
    } else if (place == Place::MkwriteEntered) {
      world.storer_in_mkwrite.happen();
      world.mapper_goes.wait();
    }
  }
};

void write_half(void* argument) {
  World& world = *static_cast<World*>(argument);
  const std::size_t quarter = kHalf / 2;
  const ssize_t first = vfs_write(*world.a, 0, world.b_mapped, quarter, CopyBy::OwnAccess);
  const ssize_t second =
      vfs_write(*world.a, quarter, world.b_mapped + kPageSize + quarter, quarter, CopyBy::RealKernel);
  world.data.holds("writes of file A", first == static_cast<ssize_t>(quarter) && second == first);
  world.turns.pass();
}

void store_half(void* argument) {
  World& world = *static_cast<World*>(argument);
  if (!world.options.really) world.turns.wait_for(1);
  const std::vector<std::byte> stored = content_of(kStored, kHalf, kHalf);
  world.data.holds("a store to file A", user_copy(world.a_mapped + kHalf, stored.data(), kHalf));
  world.turns.pass();
}

void map_another(void* argument) {
  World& world = *static_cast<World*>(argument);
  if (world.options.really) {
    world.writer_locked.wait();
    world.storer_in_mkwrite.wait();
    world.mapper_goes.happen();
  } else {
    world.turns.wait_for(2);
  }
  vm_munmap(world.mm, must_map(world.mm, *world.c, 1, false));
}

int run(const RunOptions& options) {
  World world(options);
  world.a = world.fs.create();
  Ext4Inode& b = *world.fs.create();
  world.c = world.fs.create();
  write_content(world.data, *world.a, kInitial, kSize);
  write_content(world.data, b, kBuffer, 2 * kPageSize);
  write_content(world.data, *world.c, kInitial, kSize);
  // Each page of B must be missing when it is copied from, or the copy would not fault.
  world.data.holds("fsync of file B", vfs_fsync(b) == 0);
  invalidate_mapping_pages(b.i_mapping);
  world.a_mapped = must_map(world.mm, *world.a, 1, true);
  world.b_mapped = must_map(world.mm, b, 2, false);
  {
    const FaultHandler handler(world.mm);
    std::optional<Scheduled> scheduled;
    if (options.really) scheduled.emplace(World::at, &world);
    Thread writer("writer", write_half, &world);
    Thread storer("storer", store_half, &world);
    std::optional<Thread> mapper;
    if (options.variant.name != "no-mapper") mapper.emplace("mapper", map_another, &world);
    writer.join();
    storer.join();
    if (mapper) mapper->join();
  }
  world.data.holds("a store converts, or mmap did", !world.a->may_inline_data);
  world.data.holds("fsync of file A", vfs_fsync(*world.a) == 0);
  std::vector<std::byte> expected = content_of(kBuffer, kHalf / 2);
  for (const auto& [seed, n, offset] :
       {std::tuple(kBuffer, kHalf / 2, kPageSize + kHalf / 2), std::tuple(kStored, kHalf, kHalf)}) {
    const std::vector<std::byte> part = content_of(seed, n, offset);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  world.data.same("file A in storage", expected, world.fs.stored(*world.a));
  vm_munmap(world.mm, world.a_mapped);
  vm_munmap(world.mm, const_cast<std::byte*>(world.b_mapped));
  return world.data.verdict();
}

}  // namespace ext4_mkwrite_inline

const Scenario kExt4MkwriteInline = {
    .name = "ext4-mkwrite-inline",
    .summary = "page_mkwrite takes inode_lock under mmap_lock; a buffered write faults under inode_lock",
    .variants = ext4_mkwrite_inline::kVariants,
    .run = ext4_mkwrite_inline::run,
};

}  // namespace tvfs
