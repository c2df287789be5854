// The shim's memory: zeroed, aligned, nobody's twice, and null where the kernel has no more.
#include "sys/arena.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "recording.h"

using namespace faultline;

namespace {

constexpr std::size_t kLargest = (1 << 20) - 4096;

bool all_bytes_are(const void* at, std::size_t size, unsigned char value) {
  const auto* bytes = static_cast<const unsigned char*>(at);
  return std::all_of(bytes, bytes + size, [=](unsigned char byte) { return byte == value; });
}

}  // namespace

TEST_CASE("arena: pieces are zeroed and aligned as asked") {
  for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2)
    for (const std::size_t size : {1, 7, 64, 1000, 5000}) {
      CAPTURE(alignment);
      CAPTURE(size);
      void* const piece = arena_allocate(size, alignment);
      REQUIRE(piece != nullptr);
      CHECK(reinterpret_cast<std::uintptr_t>(piece) % alignment == 0);
      CHECK(all_bytes_are(piece, size, 0));
      std::memset(piece, 0xff, size);
    }
}

TEST_CASE("arena: four threads at once, many chunks, no byte belongs to two") {
  constexpr int kThreads = 4;
  constexpr int kPieces = 4000;
  struct Piece {
    void* at;
    std::size_t size;
  };
  std::vector<std::vector<Piece>> pieces(kThreads);
  in_threads(kThreads, [&](int number) {
    for (int i = 0; i < kPieces; ++i) {
      const std::size_t size = 1 + static_cast<std::size_t>(i * 37 % 1500);
      void* const at = arena_allocate(size, std::size_t{1} << (i % 7));
      if (at != nullptr) std::memset(at, 'a' + number, size);
      pieces[static_cast<std::size_t>(number)].push_back({at, size});
    }
  });
  int good = 0;
  for (int number = 0; number < kThreads; ++number)
    for (const Piece& piece : pieces[static_cast<std::size_t>(number)])
      good += piece.at != nullptr &&
              all_bytes_are(piece.at, piece.size, static_cast<unsigned char>('a' + number));
  CHECK(good == kThreads * kPieces);
}

TEST_CASE("arena: the largest piece there is, and one byte more") {
  void* const piece = arena_allocate(kLargest, 16);
  REQUIRE(piece != nullptr);
  std::memset(piece, 1, kLargest);
  CHECK(arena_allocate(kLargest + 1, 16) == nullptr);
  CHECK(arena_allocate(16) != nullptr);
}

TEST_CASE("arena: null where the kernel has no more memory") {
  CHECK(in_child([] {
          const rlimit nothing_more{1 << 20, 1 << 20};
          setrlimit(RLIMIT_AS, &nothing_more);
          int pieces = 0;
          while (pieces < 10'000 && arena_allocate(1000) != nullptr) ++pieces;
          return pieces < 10'000 && map_pages(4096) == nullptr ? 0 : 1;
        }) == 0);
}
