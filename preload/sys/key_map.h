// A map from 64-bit keys (hashes) to 64-bit values that any thread may use at any time: grows,
// never shrinks, never moves an entry.
//
// A key is a hash of what it stands for; 64 bits are taken as identity (two of a million distinct things
// collide with a chance of 3e-8; then one is taken for the other: a missed dependency). Key 0 is not allowed.
// Levels of doubling size: an entry is looked for in all of them, without a lock, and added to the newest, by
// one thread at a time. The adder's lock is short, never held while anything else is called, and taken over
// after 50 ms: a thread may be lost in it (a signal handler that jumps away). If it was only slow, a key may
// then be there twice.
//
// Cost: a probe of one or two cache lines per level, newest first.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace faultline {

class KeyMap {
 public:
  using Value = std::atomic<std::uint64_t>;

  // The value of `key`, added as 0 if it was not there; `*added` tells. nullptr: no memory (never for a key
  // that is there).
  Value* find_or_add(std::uint64_t key, bool* added);

  // nullptr: not there.
  Value* find(std::uint64_t key) const;

  // In a forked child: whoever was adding is gone.
  void forget_adder() { adding_.store(false, std::memory_order_relaxed); }

  // Empties the map. Only while no other thread can use it (a forked child).
  void clear();

 private:
  struct Entry {
    std::atomic<std::uint64_t> key;
    Value value;
  };
  struct Level {
    std::size_t capacity;
    std::atomic<std::size_t> count;
    Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
    std::size_t bytes() const { return sizeof(Level) + capacity * sizeof(Entry); }
  };
  static constexpr int kMaxLevels = 24;
  static constexpr std::size_t kFirstCapacity = 1024;

  void begin_adding();
  Level* add_level(int index);
  static Value* probe(Level* level, std::uint64_t key, bool add, bool* added);

  std::atomic<Level*> levels_[kMaxLevels]{};
  std::atomic<int> level_count_{0};
  std::atomic<bool> adding_{false};
};

// The value behind a key that another thread added and is about to fill in. Waits a moment for it; 0 if it
// does not come (that thread was stopped half-way, or died): the caller does without. Nobody waits for
// kNoValue, which whoever added a key and has nothing to fill in leaves there: 0 too.
inline constexpr std::uint64_t kNoValue = ~std::uint64_t{0};
std::uint64_t await_value(const KeyMap::Value& value);

// Mixes two words into a key: multiply and fold. Never 0.
__extension__ typedef unsigned __int128 Word128;
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Word128 product = static_cast<Word128>(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xe7037ed1a0b428dbu);
  const std::uint64_t folded =
      static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  return folded != 0 ? folded : 1;
}

}  // namespace faultline
