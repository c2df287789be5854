// gfs2-self: a file that is read into, or written from, a mapping of itself.
//
// The story. gfs2 holds an inode's glock while it copies from or to the program's buffer. Where that is a
// mapping of the same file and the page is not there, the fault wants the glock that its own thread holds,
// and one thread is enough to wait for ever. Which modes meet depends on the call and on the fault:
//
//   write         write(A, from a mapping of A):  held exclusive, the read fault wants it shared
//   read          read(A, into a mapping of A):   held shared, the store wants it exclusive
//   read-shared   the same once stores take it shared, as the thread demands: shared behind shared, which the
//                 queue grants - unless somebody who wants it exclusive came between
//
// Nothing less than to fault without the glock cures it (fault-in): fault the buffer in, copy with faults
// disabled, and where that comes back short give the glock up, fault in, and try again. The test for this did
// not exist: it was written with the repair.
//
//   user    touches page 1 of the mapping, holding nothing: the fault is served, and shows what serving takes
//   user    reads or writes page 0 by way of page 1, which is there now: it might fault, but does not
//   other   writes page 2 from memory of its own, in read-shared and fault-in
//
// Each waits for the one before it. --really: page 1 is not touched before; and in read-shared the other
// writer waits in the queue before the copy begins.
#include <optional>

#include "fault_handler.h"
#include "gfs2ish.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"
#include "turns.h"

namespace tvfs {
namespace gfs2_self {

constexpr Variant kVariants[] = {
    {"write", true, "self-lock on the glock: held exclusive, wanted shared by the read fault", Hangs::Yes},
    {"read", true, "self-lock on the glock: held shared, wanted exclusive by the write fault", Hangs::Yes},
    {"read-shared", true, "self-lock on the glock: shared behind shared, as a writer may wait between",
     Hangs::Yes},
    {"read-alone", false, "the same and nobody writes: a note"},
    {"fault-in", false, "nothing at warning or above"},
};

constexpr std::size_t kPages = 3;
enum Contents : std::uint64_t { kInitial, kWritten };

struct World {
  explicit World(const RunOptions& how)
      : options(how), mm(how.faults_by), fs(1, gfs2_file_operations(gfs2_options())) {}

  bool is(std::string_view variant) const { return options.variant.name == variant; }
  bool writes() const { return is("write") || is("fault-in"); }
  bool reads() const { return !is("write"); }
  bool has_other() const { return is("read-shared") || is("fault-in"); }

  Gfs2Options gfs2_options() const {
    return {.copy = is("fault-in") ? Gfs2Copy::FaultIn : Gfs2Copy::Holding,
            .write_fault = is("read-shared") || is("read-alone") ? GlockMode::Shared : GlockMode::Exclusive};
  }

  const RunOptions& options;
  Mm mm;
  InodeTable<Gfs2Inode> fs;
  DataCheck data;
  Turns turns;
  Gfs2Inode* a = nullptr;
  std::byte* mapped = nullptr;

  // The schedule that hangs, of read-shared.
  Event reader_locked;

  static void at(void* self, Place place) {
    auto& world = *static_cast<World*>(self);
    if (place != Place::GlockHeld || !world.has_other() || world.reader_locked.has_happened()) return;
    world.reader_locked.happen();
    while (!world.a->i_gl.has_waiters()) ::usleep(100);
  }
};

void use_own_mapping(void* argument) {
  World& world = *static_cast<World*>(argument);
  std::byte* const buffer = world.mapped + kPageSize;
  if (!world.options.really && !world.is("fault-in"))
    world.data.holds("a touch of the mapping", user_touch(buffer, world.reads()));
  for (const CopyBy by : {CopyBy::OwnAccess, CopyBy::RealKernel}) {
    const auto n = static_cast<ssize_t>(kPageSize);
    if (world.writes())
      world.data.holds("write takes all bytes", vfs_write(*world.a, 0, buffer, kPageSize, by) == n);
    if (world.reads())
      world.data.holds("read gives all bytes", vfs_read(*world.a, 0, buffer, kPageSize, by) == n);
  }
  world.turns.pass();
}

void write_elsewhere(void* argument) {
  World& world = *static_cast<World*>(argument);
  if (world.options.really)
    world.reader_locked.wait();
  else
    world.turns.wait_for(1);
  const std::vector<std::byte> bytes = content_of(kWritten, kPageSize);
  world.data.holds("write takes all bytes", vfs_write(*world.a, 2 * kPageSize, bytes.data(), kPageSize,
                                                      CopyBy::OwnAccess) == static_cast<ssize_t>(kPageSize));
}

// Page 0 and page 1 are the same: whichever of them the call copied from.
std::vector<std::byte> expected_of(const World& world) {
  std::vector<std::byte> expected = content_of(kInitial, kPages * kPageSize);
  const std::span<std::byte> all(expected);
  const std::size_t from = world.writes() ? 1 : 0;
  fill_pattern(all.subspan((1 - from) * kPageSize, kPageSize), kInitial, from * kPageSize);
  if (world.has_other()) fill_pattern(all.subspan(2 * kPageSize), kWritten, 0);
  return expected;
}

int run(const RunOptions& options) {
  World world(options);
  world.a = world.fs.create();
  write_content(world.data, *world.a, kInitial, kPages * kPageSize);
  // Page 1 must be missing from the page cache, or a fault would not ask the file system.
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  invalidate_mapping_pages(world.a->i_mapping);
  world.mapped = must_map(world.mm, *world.a, kPages, true);
  const FaultHandler handler(world.mm);
  {
    std::optional<Scheduled> scheduled;
    if (options.really) scheduled.emplace(World::at, &world);
    Thread user("user", use_own_mapping, &world);
    std::optional<Thread> other;
    if (world.has_other()) other.emplace("other", write_elsewhere, &world);
    user.join();
    if (other) other->join();
  }
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  const std::vector<std::byte> expected = expected_of(world);
  world.data.same("the file in storage", expected, simple_stored(*world.a));
  world.data.same("the file through its mapping", expected, {world.mapped, expected.size()});
  vm_munmap(world.mm, world.mapped);
  world.fs.remove(*world.a);
  return world.data.verdict();
}

}  // namespace gfs2_self

const Scenario kGfs2Self = {
    .name = "gfs2-self",
    .summary = "a file read into, or written from, a mapping of itself, with the glock held over the copy",
    .variants = gfs2_self::kVariants,
    .run = gfs2_self::run,
};

}  // namespace tvfs
