#include "sys/key_map.h"

#include <time.h>

#include "raw_syscall.h"
#include "sys/arena.h"

namespace faultline {
namespace {

// How long to wait for another thread's next step. By the clock: a yield takes 0.3 us or 3 ms, depending on
// who else wants to run.
constexpr std::int64_t kPatience = 50'000'000;

std::int64_t nanoseconds() {
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, sys::as_long(&now));
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

KeyMap::Level* KeyMap::add_level(int index) {
  const std::size_t capacity = kFirstCapacity << index;
  const std::size_t bytes = sizeof(Level) + capacity * sizeof(Entry);
  auto* fresh = static_cast<Level*>(map_pages(bytes));
  if (fresh == nullptr) return nullptr;
  fresh->capacity = capacity;
  Level* expected = nullptr;
  if (!levels_[index].compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) {
    unmap_pages(fresh, bytes);
    fresh = expected;
  }
  int count = index;
  level_count_.compare_exchange_strong(count, index + 1, std::memory_order_acq_rel);
  return fresh;
}

KeyMap::Value* KeyMap::probe(Level* level, std::uint64_t key, bool add, bool* added) {
  Entry* entries = level->entries();
  const std::size_t mask = level->capacity - 1;
  for (std::size_t i = key & mask, steps = 0; steps <= mask; i = (i + 1) & mask, ++steps) {
    std::uint64_t there = entries[i].key.load(std::memory_order_acquire);
    if (there == key) return &entries[i].value;
    if (there != 0) continue;
    if (!add) return nullptr;
    if (entries[i].key.compare_exchange_strong(there, key, std::memory_order_acq_rel)) {
      level->count.fetch_add(1, std::memory_order_relaxed);
      *added = true;
      return &entries[i].value;
    }
    if (there == key) return &entries[i].value;
  }
  return nullptr;
}

KeyMap::Value* KeyMap::find(std::uint64_t key) const {
  for (int i = level_count_.load(std::memory_order_acquire) - 1; i >= 0; --i)
    if (Value* value = probe(levels_[i].load(std::memory_order_acquire), key, false, nullptr)) return value;
  return nullptr;
}

void KeyMap::begin_adding() {
  std::int64_t begun = 0;
  while (adding_.exchange(true, std::memory_order_acquire)) {
    const std::int64_t now = nanoseconds();
    if (begun == 0) begun = now;
    if (now - begun > kPatience) return;
    sys::call(SYS_sched_yield);
  }
}

KeyMap::Value* KeyMap::find_or_add(std::uint64_t key, bool* added) {
  *added = false;
  if (Value* value = find(key)) return value;
  begin_adding();
  Value* value = find(key);
  while (value == nullptr) {
    const int count = level_count_.load(std::memory_order_acquire);
    Level* level = count > 0 ? levels_[count - 1].load(std::memory_order_acquire) : nullptr;
    if (level != nullptr && level->count.load(std::memory_order_relaxed) < level->capacity / 2)
      value = probe(level, key, true, added);
    if (value == nullptr && (count == kMaxLevels || add_level(count) == nullptr)) break;
  }
  adding_.store(false, std::memory_order_release);
  return value;
}

void KeyMap::clear() {
  forget_adder();
  const int count = level_count_.exchange(0);
  for (int i = 0; i < count; ++i) {
    Level* level = levels_[i].exchange(nullptr);
    unmap_pages(level, level->bytes());
  }
}

std::uint64_t await_value(const KeyMap::Value& value) {
  constexpr int kSpins = 1000;
  std::int64_t begun = 0;
  for (int i = 0;; ++i) {
    if (const std::uint64_t there = value.load(std::memory_order_acquire))
      return there != kNoValue ? there : 0;
    if (i < kSpins) {
      __builtin_ia32_pause();
      continue;
    }
    const std::int64_t now = nanoseconds();
    if (begun == 0) begun = now;
    if (now - begun > kPatience) return 0;
    sys::call(SYS_sched_yield);
  }
}

}  // namespace faultline
