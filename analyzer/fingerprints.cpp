#include "fingerprints.h"

#include <cstdint>

namespace faultline {
namespace {

// FNV-1a with the finaliser of MurmurHash3: any function would do, as long as it never changes.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0);  // ends the text, so that ("ab", "c") and ("a", "bc") differ
  }
  std::uint64_t value() const {
    std::uint64_t mixed = state_;
    mixed ^= mixed >> 33;
    mixed *= 0xff51afd7ed558ccdU;
    mixed ^= mixed >> 33;
    mixed *= 0xc4ceb9fe1a85ec53U;
    mixed ^= mixed >> 33;
    return mixed;
  }

 private:
  void add_byte(unsigned char byte) {
    state_ ^= byte;
    state_ *= 0x100000001b3U;
  }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace

std::size_t canonical_start(std::span<const std::string_view> keys) {
  const std::size_t size = keys.size();
  const auto smaller = [&](std::size_t a, std::size_t b) {
    for (std::size_t i = 0; i < size; ++i)
      if (const int order = keys[(a + i) % size].compare(keys[(b + i) % size]); order != 0) return order < 0;
    return false;
  };
  std::size_t best = 0;
  for (std::size_t start = 1; start < size; ++start)
    if (smaller(start, best)) best = start;
  return best;
}

std::string fingerprint_of(Kind kind, std::span<const std::string_view> canonical_keys) {
  Hash hash;
  hash.add(spelling(kind));
  for (const std::string_view key : canonical_keys) hash.add(key);
  std::string text = "FL-";
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[hash.value() >> shift & 15];
  return text;
}

}  // namespace faultline
