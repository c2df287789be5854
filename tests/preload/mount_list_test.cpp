// /proc/self/mountinfo: FUSE file systems are found wherever a read may have cut the text.
#include "fault/mount_list.h"

#include <doctest/doctest.h>
#include <sys/sysmacros.h>

#include <string>
#include <vector>

using namespace faultline;

namespace {

struct Found {
  std::uint64_t id;
  std::uint64_t device;
  std::string point;

  friend bool operator==(const Found&, const Found&) = default;
};

std::vector<Found> fuse_mounts_in(const std::string& text, std::size_t piece) {
  std::vector<Found> all;
  MountListParser parser;
  for (std::size_t start = 0; start < text.size(); start += piece) {
    const std::string part = text.substr(start, piece);
    parser.feed(part.data(), part.size(), [&](const FuseMount& mount) {
      CHECK(std::string(mount.point).size() == mount.point_length);
      all.push_back({mount.id, mount.device, mount.point});
    });
  }
  return all;
}

}  // namespace

TEST_CASE("mount list: FUSE of all types, with tags and without, spaces in names, long lines") {
  const std::string long_option(5000, 'o');
  const std::string text =
      "22 27 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n"
      "42 27 0:39 / /tmp/notes rw,nosuid - fuse.notes notes rw,user_id=0\n"
      "43 27 0:40 / /over rw - overlay overlay rw,lowerdir=" +
      long_option +
      "\n"
      "44 27 0:41 /sub /a\\040b\\134c rw shared:1 master:2 - fuse source rw\n"
      "45 27 8:17 / /disk rw - fuseblk /dev/sdb1 rw\n"
      "46 27 0:42 / /control rw - fusectl fusectl rw\n"
      "47 27 0:43 / /- rw - tmpfs fuse rw\n"
      "300 27 1:1048575 / / rw - fuse.root fuse rw\n";
  const std::vector<Found> expected = {{42, makedev(0, 39), "/tmp/notes"},
                                       {44, makedev(0, 41), "/a b\\c"},
                                       {45, makedev(8, 17), "/disk"},
                                       {300, makedev(1, 1048575), "/"}};
  for (const std::size_t piece : {1UL, 7UL, 1024UL, text.size()}) {
    INFO(piece);
    CHECK(fuse_mounts_in(text, piece) == expected);
  }
}

TEST_CASE("mount list: a mount point that is too long keeps its device") {
  const std::string point(MountListParser::kLongestPoint + 1, 'p');
  const std::vector<Found> found = fuse_mounts_in("1 2 0:3 / " + point + " rw - fuse.x x rw\n", 100);
  CHECK(found == std::vector<Found>{{1, makedev(0, 3), ""}});
}

TEST_CASE("mount list: a line that is not whole is none") {
  CHECK(fuse_mounts_in("1 2 0:3 / /p rw - fuse.x", 100).empty());
}
