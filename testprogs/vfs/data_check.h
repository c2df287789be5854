// The model's check of its own data: what was written, by write and by stores, against what storage holds and
// read returns.
//
// Safe from any thread. A difference is reported on standard error at once, by file and offset; the run goes
// on to its end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tvfs {

// FNV-1a.
std::uint64_t checksum(std::span<const std::byte> bytes);

// Byte `offset` of the contents called `seed`: any two contents differ nearly everywhere, and none has long
// runs of one value.
std::byte pattern(std::uint64_t seed, std::size_t offset);

// `bytes` becomes what `seed` has from `offset` on.
void fill_pattern(std::span<std::byte> bytes, std::uint64_t seed, std::size_t offset);

class DataCheck {
 public:
  // Compares length, checksum and, where those differ, finds the first byte that does.
  void same(std::string_view what, std::span<const std::byte> expected, std::span<const std::byte> found);

  // The model must be in the state the scenario is about, else a run proves nothing.
  void holds(std::string_view what, bool condition);

  // Prints the verdict, "data: ok, ..." on standard output, and returns the exit code, 0 or 1. When all
  // threads are done.
  int verdict() const;

 private:
  std::atomic<std::uint64_t> comparisons_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace tvfs
