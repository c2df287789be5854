#include "record/occurrences.h"

#include "runtime.h"

namespace faultline {
namespace {

constexpr std::uint64_t kEpochsOfOne = 1024;
constexpr std::uint64_t kThreadsOfOne = 256;

// Value of an entry for one thread: how often recorded, and the epoch of the last time.
constexpr std::uint64_t pack(std::uint64_t times, std::uint32_t epoch) {
  return times << 32 | epoch;
}

}  // namespace

Occurrence note_occurrence(std::uint64_t key, const ThreadState& thread) {
  bool added;
  KeyMap::Value* own = recorded.find_or_add(key_of(Key::Dependency, key, thread.id.value), &added);
  if (own == nullptr) {
    trace.lose(Lost::TraceFull);
    return Occurrence::Known;
  }
  if (added) {
    KeyMap::Value* threads = recorded.find_or_add(key_of(Key::DependencyThreads, key), &added);
    const std::uint64_t others = threads != nullptr ? threads->fetch_add(1, std::memory_order_relaxed) : 0;
    own->store(pack(others < kThreadsOfOne ? 1 : kEpochsOfOne + 1, thread.epoch), std::memory_order_relaxed);
    return others < kThreadsOfOne    ? Occurrence::New
           : others == kThreadsOfOne ? Occurrence::LastThread
                                     : Occurrence::Known;
  }
  const std::uint64_t packed = own->load(std::memory_order_relaxed);
  const std::uint64_t times = packed >> 32;
  if (static_cast<std::uint32_t>(packed) == thread.epoch || times > kEpochsOfOne) return Occurrence::Known;
  own->store(pack(times + 1, thread.epoch), std::memory_order_relaxed);
  return times == kEpochsOfOne ? Occurrence::LastEpoch : Occurrence::New;
}

bool has_occurred(std::uint64_t key, const ThreadState& thread) {
  const KeyMap::Value* own = recorded.find(key_of(Key::Dependency, key, thread.id.value));
  return own != nullptr && static_cast<std::uint32_t>(own->load(std::memory_order_relaxed)) == thread.epoch;
}

void write_open(JsonLine& line, Occurrence occurrence) {
  if (occurrence == Occurrence::LastEpoch) line.text("open", "epochs");
  if (occurrence == Occurrence::LastThread) line.text("open", "threads");
}

}  // namespace faultline
