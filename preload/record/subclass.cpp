#include "record/subclass.h"

#include "runtime.h"

namespace faultline {
namespace {

constinit std::atomic<bool> in_use{false};  // some thread has used a subclass

std::uint64_t carrying(std::uint64_t key, std::uint8_t subclass) {
  const std::uint64_t carrier = mix(key, subclass);
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key_of(Key::Subclass, carrier), &added);
  if (value == nullptr) return key;
  value->store(subclass, std::memory_order_release);
  in_use.store(true, std::memory_order_release);
  return carrier;
}

}  // namespace

void next_subclass(ThreadState& thread, unsigned subclass) {
  constexpr unsigned kMost = 255;
  thread.next_subclass = static_cast<std::uint8_t>(subclass < kMost ? subclass : kMost);
  set_limit(thread);
}

std::uint64_t key_of_taken(ThreadState& thread, std::uint64_t key) {
  if (thread.next_subclass == 0) return key;
  const std::uint8_t subclass = thread.next_subclass;
  next_subclass(thread, 0);
  return carrying(key, subclass);
}

std::uint8_t subclass_of(std::uint64_t key) {
  if (!in_use.load(std::memory_order_acquire)) return 0;
  const KeyMap::Value* value = remembered.find(key_of(Key::Subclass, key));
  return value != nullptr ? static_cast<std::uint8_t>(await_value(*value)) : std::uint8_t{0};
}

std::uint64_t key_moved(std::uint64_t old, std::uint64_t fresh) {
  const std::uint8_t subclass = subclass_of(old);
  return subclass != 0 ? carrying(fresh, subclass) : fresh;
}

}  // namespace faultline
