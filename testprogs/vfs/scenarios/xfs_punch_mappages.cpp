// xfs-punch-mappages: may fault-around map a page that a hole punch is about to free?
//
// The story. A hole punch takes pages out of all mappings, then out of the page cache, and frees them. A read
// fault maps, besides its own page, the pages around it that are in the cache (->map_pages), without asking
// the file system and without waiting. If it looks at a page after it was unmapped and before it leaves the
// cache, it maps it again, and the page is freed with a page-table entry that points to it. Two answers: xfs
// takes its MMAPLOCK around map_pages too, which the punch holds exclusive; or it is safe as it stands,
// since the punch holds the page's lock from the unmapping to the end, and map_pages takes that by trylock
// and looks again. In the broken variant it does neither (our construction: the kernel always had the
// trylock).
//
//   main      writes the file, stores it and reads it again
//   looker    touches page 0 of its mapping, which maps all four by fault-around
//   puncher   punches pages 2 and 3; when page 2 is in no mapping any more and still in the cache:
//     looker    touches page 1, which was taken out of the mapping, so that it faults around again
//   puncher   when page 2 has left the cache and is not yet free, looks at the looker's page table
//
// The looker waits for nothing that the puncher holds, but with MMAPLOCK; then the puncher gives it some time
// and goes on.
#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "fault_handler.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"
#include "xfsish.h"

namespace tvfs {
namespace xfs_punch_mappages {

constexpr Variant kVariants[] = {
    {"broken", true, "unguarded: page->mapping; and a page-table entry of a page that left the page cache"},
    {"trylock", false, "nothing at warning or above; no such entry"},
    {"mmaplock", false, "nothing at warning or above; no such entry"},
};

MapPages map_pages_of(const Variant& variant) {
  if (variant.name == "broken") return MapPages::Nothing;
  return variant.name == "trylock" ? MapPages::TryLock : MapPages::MmapLock;
}

constexpr std::size_t kPages = 4;
constexpr std::size_t kPunched = 2;  // this one and the next
constexpr std::uint64_t kContent = 1;

// Whether a page-table entry of this process maps something at `address`: bit 63 of its word in pagemap.
bool is_mapped(std::uintptr_t address) {
  const int fd = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) panic("/proc/self/pagemap", errno);
  std::uint64_t entry = 0;
  const auto at = static_cast<off_t>(address / kPageSize * sizeof entry);
  if (::pread(fd, &entry, sizeof entry, at) != sizeof entry) panic("reading pagemap", errno);
  ::close(fd);
  return (entry >> 63) != 0;
}

struct World {
  explicit World(const RunOptions& how)
      : options(how), mm(how.faults_by), fs(map_pages_of(how.variant), 1), file(fs.file(0)) {}

  const RunOptions& options;
  Mm mm;
  Xfs fs;
  XfsInode& file;
  DataCheck data;
  std::byte* mapped = nullptr;
  Turns turns;
  Event unmapped;
  Event looked_again;
  bool punched_page_was_mapped = false;

  bool looker_waits() const { return options.variant.name == "mmaplock"; }

  // On the puncher's thread, for each page that it drops: only the first counts.
  static void at(void* self, Place place) {
    auto& world = *static_cast<World*>(self);
    if (place == Place::PageUnmapped && !world.unmapped.has_happened()) {
      // Fault-around is only asked for a page that is not mapped.
      world.mm.uffd.unmap_page(reinterpret_cast<std::uintptr_t>(world.mapped + kPageSize));
      world.unmapped.happen();
      if (world.looker_waits())
        let_it_wait();
      else
        world.looked_again.wait();
    } else if (place == Place::PageDeleted && !world.seen_deleted) {
      world.seen_deleted = true;
      world.punched_page_was_mapped =
          is_mapped(reinterpret_cast<std::uintptr_t>(world.mapped + kPunched * kPageSize));
    }
  }

 private:
  bool seen_deleted = false;
};

void look(void* argument) {
  World& world = *static_cast<World*>(argument);
  const std::vector<std::byte> expected = content_of(kContent, kPages * kPageSize);
  std::vector<std::byte> seen(kPageSize);
  world.data.holds("page 0 can be read", user_copy(seen.data(), world.mapped, kPageSize));
  world.data.same("page 0", std::span(expected).first(kPageSize), seen);
  world.data.holds("fault-around maps the page to be punched",
                   is_mapped(reinterpret_cast<std::uintptr_t>(world.mapped + kPunched * kPageSize)));
  world.turns.pass();
  world.unmapped.wait();
  world.data.holds("page 1 can be read", user_copy(seen.data(), world.mapped + kPageSize, kPageSize));
  world.data.same("page 1", std::span(expected).subspan(kPageSize, kPageSize), seen);
  world.looked_again.happen();
}

void punch(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(1);
  const Scheduled scheduled(World::at, &world);
  world.data.holds("hole punch", vfs_punch_hole(world.file, kPunched, kPages) == 0);
}

int run(const RunOptions& options) {
  World world(options);
  write_content(world.data, world.file, kContent, kPages * kPageSize);
  world.data.holds("fsync", vfs_fsync(world.file) == 0);
  world.mapped = must_map(world.mm, world.file, kPages, true);
  std::vector<std::byte> expected = content_of(kContent, kPages * kPageSize);
  world.data.same("the file before the punch", expected, read_back(world.file));
  {
    const FaultHandler handler(world.mm);
    Thread looker("looker", look, &world);
    Thread puncher("puncher", punch, &world);
    looker.join();
    puncher.join();

    world.data.holds("an entry of a page that left the cache, if fault-around relies on nothing",
                     world.punched_page_was_mapped == options.variant.broken);
    std::fill(expected.begin() + static_cast<std::ptrdiff_t>(kPunched * kPageSize), expected.end(),
              std::byte{0});
    std::vector<std::byte> seen(expected.size());
    world.data.holds("the mapping can be read", user_copy(seen.data(), world.mapped, seen.size()));
    world.data.same("the mapping after the punch", expected, seen);
  }
  world.data.same("the file after the punch", expected, read_back(world.file));
  world.data.same("storage after the punch", expected, world.fs.stored(world.file));
  vm_munmap(world.mm, world.mapped);
  return world.data.verdict();
}

}  // namespace xfs_punch_mappages

const Scenario kXfsPunchMappages = {
    .name = "xfs-punch-mappages",
    .summary = "fault-around maps a page that a hole punch has unmapped and is about to free",
    .variants = xfs_punch_mappages::kVariants,
    .run = xfs_punch_mappages::run,
};

}  // namespace tvfs
