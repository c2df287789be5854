// ntfs3-fiemap: where a file is stored, told into a mapping of that file.
//
// The story. fiemap of ntfs3 holds ni_lock while it copies each extent to the program. The buffer may be a
// mapping of the same file; the fault then takes invalidate_lock, under which fallocate takes ni_lock:
//
//   fiemap   fiemap(A, into a mapping of A):   ni_lock -> (fault) mmap_lock -> invalidate_lock, shared
//   puncher  punches page 0 of A:              invalidate_lock, exclusive -> ni_lock
//
// Two threads are enough. There is a second way round that does not need the file of the buffer to be the
// same: any thread in a fault holds mmap_lock shared while it waits for invalidate_lock, and fiemap's own
// fault may have to wait for mmap_lock, behind a thread that maps (variant with-mapper):
//
//   toucher  loads from page 3 of A:           mmap_lock, shared -> invalidate_lock, shared
//   mapper   maps A once more:                 mmap_lock, exclusive
//
// The cure collects the extents and copies them out when ni_lock is dropped. Each thread waits for the one
// before it. --really: fiemap holds ni_lock and the puncher invalidate_lock before either goes on.
#include <array>
#include <cstring>
#include <optional>

#include "fault_handler.h"
#include "ntfs3ish.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace ntfs3_fiemap {

constexpr Variant kVariants[] = {
    {"broken", true, "an error: ni_lock -> invalidate_lock -> ni_lock, feasible, through faults", Hangs::Yes},
    {"with-mapper", true, "the same, and ni_lock -> mmap_lock -> invalidate_lock -> ni_lock, feasible"},
    {"copy-after-unlock", false, "nothing at warning or above"},
};

constexpr std::size_t kPages = 4;
constexpr std::uint64_t kInitial = 1;

struct World {
  explicit World(const RunOptions& how)
      : options(how),
        mm(how.faults_by),
        fs(1, ntfs3_file_operations(how.variant.broken ? Ntfs3Fiemap::CopyUnderLock
                                                       : Ntfs3Fiemap::CopyAfterUnlock)) {}

  bool has_mapper() const { return options.variant.name != "broken"; }
  int* extents_in_page(std::size_t page) const { return reinterpret_cast<int*>(mapped + page * kPageSize); }

  const RunOptions& options;
  Mm mm;
  InodeTable<Ntfs3Inode> fs;
  DataCheck data;
  Turns turns;
  Ntfs3Inode* a = nullptr;
  std::byte* mapped = nullptr;

  // The schedule that hangs.
  Event fiemap_locked;
  Event puncher_locked;

  static void at(void* self, Place place) {
    auto& world = *static_cast<World*>(self);
    if (place == Place::NiLocked) {
      world.fiemap_locked.happen();
      world.puncher_locked.wait();
    } else if (place == Place::InvalidateLocked) {
      world.puncher_locked.happen();
      world.fiemap_locked.wait();
    }
  }
};

void tell_extents(void* argument) {
  World& world = *static_cast<World*>(argument);
  const auto all = static_cast<ssize_t>(kPages);
  const ssize_t first = vfs_fiemap(*world.a, world.extents_in_page(1), kPages, CopyBy::OwnAccess);
  const ssize_t second = vfs_fiemap(*world.a, world.extents_in_page(2), kPages, CopyBy::RealKernel);
  world.data.holds("fiemap tells of all pages", first == all && second == all);
  world.turns.pass();
}

void punch(void* argument) {
  World& world = *static_cast<World*>(argument);
  if (!world.options.really) world.turns.wait_for(1);
  world.data.holds("a hole in file A", vfs_punch_hole(*world.a, 0, 1) == 0);
  world.turns.pass();
}

void touch(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(2);
  // The page must be missing, or the fault would not ask the file system.
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  invalidate_mapping_pages(world.a->i_mapping);
  world.data.holds("a load from file A", user_touch(world.mapped + 3 * kPageSize, false));
  world.turns.pass();
}

void map_again(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(3);
  vm_munmap(world.mm, must_map(world.mm, *world.a, 1, false));
}

int run(const RunOptions& options) {
  World world(options);
  world.a = world.fs.create();
  write_content(world.data, *world.a, kInitial, kPages * kPageSize);
  // Each page must be missing when it is copied to, or the copy would not fault.
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  invalidate_mapping_pages(world.a->i_mapping);
  std::array<int, kPages> extents{};
  world.data.holds("fiemap", vfs_fiemap(*world.a, extents.data(), kPages) == static_cast<ssize_t>(kPages));
  world.mapped = must_map(world.mm, *world.a, kPages, true);
  const FaultHandler handler(world.mm);
  {
    std::optional<Scheduled> scheduled;
    if (options.really) scheduled.emplace(World::at, &world);
    Thread fiemap("fiemap", tell_extents, &world);
    Thread puncher("puncher", punch, &world);
    std::optional<Thread> toucher;
    std::optional<Thread> mapper;
    if (world.has_mapper()) toucher.emplace("toucher", touch, &world);
    if (world.has_mapper()) mapper.emplace("mapper", map_again, &world);
    fiemap.join();
    puncher.join();
    if (toucher) toucher->join();
    if (mapper) mapper->join();
  }
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  std::vector<std::byte> expected = content_of(kInitial, kPages * kPageSize);
  std::memset(expected.data(), 0, kPageSize);
  for (const std::size_t page : {1, 2})
    std::memcpy(expected.data() + page * kPageSize, extents.data(), sizeof extents);
  world.data.same("file A in storage", expected, simple_stored(*world.a));
  world.data.same("file A as read", expected, read_back(*world.a));
  vm_munmap(world.mm, world.mapped);
  world.fs.remove(*world.a);
  return world.data.verdict();
}

}  // namespace ntfs3_fiemap

const Scenario kNtfs3Fiemap = {
    .name = "ntfs3-fiemap",
    .summary =
        "fiemap copies to a mapping of its file under ni_lock; fallocate takes that under invalidate_lock",
    .variants = ntfs3_fiemap::kVariants,
    .run = ntfs3_fiemap::run,
};

}  // namespace tvfs
