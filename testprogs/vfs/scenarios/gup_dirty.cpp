// gup-dirty and dio-dirty: who tells the file system that a pinned page will be dirtied?
//
// The story. A file system must be told before a page becomes dirty, so that it has a block for it when the
// page is written back. A store through a mapping tells it, by page_mkwrite. A store through a pinned page
// (get_user_pages) does not: process_vm_writev of another process pins a page of the mapping, copies, and
// marks it dirty with page_mkwrite never called (gup-dirty). To call page_mkwrite at the pin is not enough:
// from then on the page is dirty, the page cleaner may write and clean it, and the dirtying comes after. So
// it is with a direct read into a mapping: its first fault tells the file system, the page is cleaned while
// the device works, and the completion dirties it a second time (dio-dirty). What cures it: to make a pin
// that is short a write_begin/write_end pair, as write(2) is; or to tell at the pin and to keep write-back
// from the page for as long as it is pinned.
//
//   main     makes file G, two pages without blocks, and maps it; for dio-dirty file F, stored
//   remote   writes into the mapping's first page by a pin; or reads F directly into it. While it is pinned:
//     cleaner  writes G back, of its own accord (afterwards, where a short pin keeps the page locked)
//   main     writes G back, and compares the mapping, the file and storage
#include <cerrno>
#include <vector>

#include "ext4ish.h"
#include "fault_handler.h"
#include "gup.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace gup_dirty {

constexpr Variant kRemoteVariants[] = {
    {"broken", true, "assertion: write notification missing at set_page_dirty; the data is not stored"},
    {"mkwrite-only", true, "assertion: the same, revoked by write-back"},
    {"write-begin", false, "nothing at warning or above"},
    {"mkwrite-pin", false, "nothing at warning or above"},
};

constexpr Variant kDirectVariants[] = {
    {"broken", true, "assertion: write notification revoked by write-back, at the second set_page_dirty"},
    {"mkwrite-pin", false, "nothing at warning or above"},
};

PinPolicy policy_of(const Variant& variant) {
  if (variant.name == "broken") return PinPolicy::Plain;
  if (variant.name == "mkwrite-only") return PinPolicy::Notify;
  return variant.name == "write-begin" ? PinPolicy::WriteBegin : PinPolicy::NotifyAndKeep;
}

constexpr std::size_t kPages = 2;
constexpr std::size_t kAt = 100;
constexpr std::size_t kSize = 500;
enum Contents : std::uint64_t { kRemote, kDirect };

struct World {
  World(const RunOptions& how, bool is_direct)
      : options(how), direct(is_direct), mm(how.faults_by), fs(InlineConversion::InPreMmap, 2) {}

  const RunOptions& options;
  const bool direct;
  Mm mm;
  Ext4 fs;
  DataCheck data;
  Turns turns;
  Ext4Inode* f = nullptr;
  Ext4Inode* g = nullptr;
  std::byte* mapped = nullptr;

  bool locked_while_pinned() const { return policy_of(options.variant) == PinPolicy::WriteBegin; }

  static void at(void* self, Place place) {
    auto& world = *static_cast<World*>(self);
    if (place != Place::Pinned || world.locked_while_pinned()) return;
    world.turns.pass();
    world.turns.wait_for(2);
  }
};

void store_by_pin(void* argument) {
  World& world = *static_cast<World*>(argument);
  const PinPolicy policy = policy_of(world.options.variant);
  const std::vector<std::byte> data = content_of(kRemote, kSize);
  const int error =
      world.direct
          ? direct_read(*world.f, 0, world.mm, world.mapped, policy)
          : remote_write(world.mm, reinterpret_cast<std::uintptr_t>(world.mapped) + kAt, data, policy);
  world.data.holds("a write into a pinned page", error == 0);
  if (world.locked_while_pinned()) world.turns.pass();
}

void clean(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.turns.wait_for(1);
  world.data.holds("write-back while the page is pinned", vfs_writeback(*world.g) == 0);
  world.turns.pass();
}

int run(const RunOptions& options, bool direct) {
  World world(options, direct);
  world.f = world.fs.create();
  world.g = world.fs.create();
  write_content(world.data, *world.f, kDirect, kPageSize);
  world.data.holds("fsync of file F", vfs_fsync(*world.f) == 0);
  world.data.holds("truncate of file G", vfs_truncate(*world.g, kPages * kPageSize) == 0);
  world.mapped = must_map(world.mm, *world.g, kPages, true);
  // mmap has moved G to blocks, and that makes its first page dirty; the second has none.
  world.data.holds("fsync of file G", vfs_fsync(*world.g) == 0);
  world.data.holds("file G becomes a hole",
                   vfs_truncate(*world.g, 0) == 0 && vfs_truncate(*world.g, kPages * kPageSize) == 0);
  std::vector<std::byte> expected(kPages * kPageSize);
  if (direct)
    fill_pattern(std::span(expected).first(kPageSize), kDirect, 0);
  else
    fill_pattern(std::span(expected).subspan(kAt, kSize), kRemote, 0);

  {
    const FaultHandler handler(world.mm);
    const Scheduled scheduled(World::at, &world);
    Thread remote(direct ? "direct-read" : "remote", store_by_pin, &world);
    Thread cleaner("cleaner", clean, &world);
    remote.join();
    cleaner.join();
    std::vector<std::byte> seen(expected.size());
    world.data.holds("the mapping can be read", user_copy(seen.data(), world.mapped, seen.size()));
    world.data.same("the mapping", expected, seen);
  }
  world.data.same("the file", expected, read_back(*world.g));
  // Nobody ever asked for a block where nobody was told: the kernel's BUG. It is a loss of data.
  const bool lost = !direct && options.variant.name == "broken";
  world.data.holds("write-back, which fails where there is no block",
                   vfs_writeback(*world.g) == (lost ? -EIO : 0));
  if (!lost) world.data.same("storage", expected, world.fs.stored(*world.g));
  vm_munmap(world.mm, world.mapped);
  return world.data.verdict();
}

int run_remote(const RunOptions& options) {
  return run(options, false);
}

int run_direct(const RunOptions& options) {
  return run(options, true);
}

}  // namespace gup_dirty

const Scenario kGupDirty = {
    .name = "gup-dirty",
    .summary = "a remote write dirties a pinned page whose file system was not told",
    .variants = gup_dirty::kRemoteVariants,
    .run = gup_dirty::run_remote,
};

const Scenario kDioDirty = {
    .name = "dio-dirty",
    .summary = "a direct read dirties its page again after write-back has cleaned it",
    .variants = gup_dirty::kDirectVariants,
    .run = gup_dirty::run_direct,
};

}  // namespace tvfs
