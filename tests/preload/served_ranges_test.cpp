// Which memory is served by whom, while it is registered, cut and given back; and where it lies.
#include "fault/served_ranges.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "fault/registered_memory.h"
#include "sys/mappings.h"

using namespace faultline;

namespace {

constexpr LockId kFirst{11};
constexpr LockId kSecond{12};

// "start+length=service ..." of what is served in a stretch.
std::string pieces_of(std::uint64_t start, std::uint64_t length) {
  ServedPiece pieces[kMostPieces];
  const std::size_t count = served_pieces(start, length, pieces, kMostPieces);
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += std::to_string(pieces[i].start) + '+' + std::to_string(pieces[i].length) + '=' +
            std::to_string(pieces[i].service.value) + ' ';
  return text;
}

struct NoRanges {
  NoRanges() { forget_served_ranges(); }
  ~NoRanges() { forget_served_ranges(); }
};

}  // namespace

TEST_CASE("served ranges: what of a stretch is served, by whom") {
  const NoRanges none;
  CHECK_FALSE(any_served_range());
  add_served_range(kFirst, 1000, 100);
  add_served_range(kSecond, 1200, 100);
  CHECK(any_served_range());
  CHECK(pieces_of(1050, 200) == "1050+50=11 1200+50=12 ");
  CHECK(pieces_of(1100, 100) == "");
  CHECK(pieces_of(0, ~std::uint64_t{0}) == "1000+100=11 1200+100=12 ");
  CHECK(service_of_range(1299, 1) == kSecond);
  CHECK(service_of_range(1300, 1) == LockId{});
}

TEST_CASE("served ranges: a piece taken out of the middle leaves both ends") {
  const NoRanges none;
  add_served_range(kFirst, 1000, 100);
  remove_served_range(1040, 20);
  CHECK(pieces_of(1000, 100) == "1000+40=11 1060+40=11 ");
  remove_served_range(0, 1050);
  CHECK(pieces_of(1000, 100) == "1060+40=11 ");
  CHECK(a_served_address(kFirst) == 1060);
  remove_served_ranges(kFirst);
  CHECK(a_served_address(kFirst) == 0);
}

TEST_CASE("served ranges: a stretch up to the end of all addresses does not wrap") {
  const NoRanges none;
  add_served_range(kFirst, 1000, 100);
  CHECK(pieces_of(1050, ~std::uint64_t{0}) == "1050+50=11 ");
  remove_served_range(1050, ~std::uint64_t{0});
  CHECK(pieces_of(1000, 100) == "1000+50=11 ");
}

TEST_CASE("mappings: where in which object memory lies that processes share") {
  const long page = sysconf(_SC_PAGESIZE);
  const int memfd = memfd_create("shared", MFD_CLOEXEC);
  REQUIRE(ftruncate(memfd, 3 * page) == 0);
  char* memory = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, memfd, page));
  REQUIRE(memory != MAP_FAILED);
  struct stat status {};
  REQUIRE(fstat(memfd, &status) == 0);
  char scratch[4096];
  Mapping mapping;
  REQUIRE(
      find_mapping(scratch, sizeof scratch, reinterpret_cast<std::uintptr_t>(memory) + page + 7, mapping));
  CHECK(mapping.low == reinterpret_cast<std::uintptr_t>(memory));
  CHECK(mapping.shared);
  CHECK(mapping.offset == static_cast<std::uint64_t>(page));
  CHECK(mapping.inode == status.st_ino);
  CHECK(mapping.device == (static_cast<std::uint64_t>(major(status.st_dev)) << 32 | minor(status.st_dev)));
  CHECK_FALSE(is_registered(reinterpret_cast<std::uintptr_t>(memory), scratch, sizeof scratch));
  munmap(memory, 2 * page);
  close(memfd);
}
