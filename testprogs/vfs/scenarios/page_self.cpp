// page-self: a page that is written from a mapping of itself.
//
// The story. The mail thread of gfs2-self recalls that its deadlock is not new: the generic write locks the
// page it writes and then copies from the program; where the buffer is a mapping of that page and the page is
// not mapped yet, the fault wants the page's lock, held by its own thread. Usually somebody does that on
// purpose. The kernel faults the buffer in first and copies with faults disabled (atomic-copy).
//
//   user    touches the page, holding nothing: the fault is served, and shows what serving takes
//   user    writes the second half of the page from its first half, by way of the mapping: page_lock is held
//           over a copy that might fault on that page, but does not
//
// --really: the page is not touched before.
#include "ext2ish.h"
#include "fault_handler.h"
#include "scenarios/all.h"
#include "scenarios/common.h"
#include "sigbus.h"
#include "thread.h"

namespace tvfs {
namespace page_self {

constexpr Variant kVariants[] = {
    {"broken", true, "self-lock on the page lock, through a fault", Hangs::Yes},
    {"atomic-copy", false, "nothing at warning or above"},
};

constexpr std::uint64_t kInitial = 1;

struct World {
  explicit World(const RunOptions& how)
      : options(how),
        mm(how.faults_by),
        fs(1, ext2_file_operations(how.variant.broken ? Ext2Copy::UnderPageLock : Ext2Copy::Atomic)) {}

  const RunOptions& options;
  Mm mm;
  InodeTable<SimpleInode> fs;
  DataCheck data;
  SimpleInode* a = nullptr;
  std::byte* mapped = nullptr;
};

void write_from_itself(void* argument) {
  World& world = *static_cast<World*>(argument);
  if (!world.options.really && world.options.variant.broken)
    world.data.holds("a touch of the mapping", user_touch(world.mapped, false));
  const std::size_t half = kPageSize / 2;
  for (const CopyBy by : {CopyBy::OwnAccess, CopyBy::RealKernel})
    world.data.holds("write takes all bytes",
                     vfs_write(*world.a, half, world.mapped, half, by) == static_cast<ssize_t>(half));
}

int run(const RunOptions& options) {
  World world(options);
  world.a = world.fs.create();
  write_content(world.data, *world.a, kInitial, kPageSize);
  // The page must be missing from the page cache, or serving the fault would not wait for its lock.
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  invalidate_mapping_pages(world.a->i_mapping);
  world.mapped = must_map(world.mm, *world.a, 1, true);
  const FaultHandler handler(world.mm);
  Thread user("user", write_from_itself, &world);
  user.join();
  world.data.holds("fsync", vfs_fsync(*world.a) == 0);
  std::vector<std::byte> expected = content_of(kInitial, kPageSize / 2);
  const std::vector<std::byte> half = expected;
  expected.insert(expected.end(), half.begin(), half.end());
  world.data.same("the file in storage", expected, simple_stored(*world.a));
  world.data.same("the file through its mapping", expected, {world.mapped, expected.size()});
  vm_munmap(world.mm, world.mapped);
  world.fs.remove(*world.a);
  return world.data.verdict();
}

}  // namespace page_self

const Scenario kPageSelf = {
    .name = "page-self",
    .summary = "a page written from a mapping of itself, with its lock held over the copy",
    .variants = page_self::kVariants,
    .run = page_self::run,
};

}  // namespace tvfs
