#include "data_check.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace tvfs {

std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

std::byte pattern(std::uint64_t seed, std::size_t offset) {
  std::uint64_t mixed = (seed * 0x9e3779b97f4a7c15) ^ (offset * 0xbf58476d1ce4e5b9);
  mixed = (mixed ^ (mixed >> 29)) * 0x94d049bb133111eb;
  return static_cast<std::byte>(mixed >> 56);
}

void fill_pattern(std::span<std::byte> bytes, std::uint64_t seed, std::size_t offset) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = pattern(seed, offset + i);
}

void DataCheck::same(std::string_view what, std::span<const std::byte> expected,
                     std::span<const std::byte> found) {
  ++comparisons_;
  bytes_ += expected.size();
  const std::uint64_t wanted = checksum(expected);
  const std::uint64_t got = checksum(found);
  if (expected.size() == found.size() && wanted == got) return;
  ++failures_;
  const auto [left, right] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  std::fprintf(stderr,
               "tvfs: data: %s: written %zu bytes, checksum %016" PRIx64
               "; found %zu bytes, checksum %016" PRIx64 "; first difference at offset %td\n",
               std::string(what).c_str(), expected.size(), wanted, found.size(), got,
               left - expected.begin());
}

void DataCheck::holds(std::string_view what, bool condition) {
  ++comparisons_;
  if (condition) return;
  ++failures_;
  std::fprintf(stderr, "tvfs: data: not so: %s\n", std::string(what).c_str());
}

int DataCheck::verdict() const {
  if (failures_ != 0) {
    std::fprintf(stderr, "tvfs: data: WRONG: %" PRIu64 " of %" PRIu64 " checks failed\n", failures_.load(),
                 comparisons_.load());
    return 1;
  }
  std::printf("data: ok, %" PRIu64 " checks, %" PRIu64 " bytes compared\n", comparisons_.load(),
              bytes_.load());
  return 0;
}

}  // namespace tvfs
