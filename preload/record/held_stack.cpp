#include "record/held_stack.h"

#include <stddef.h>

#include <cstring>

#include "record/subclass.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

namespace faultline {

void set_limit(ThreadState& thread) {
  const bool slow = thread.is_server || thread.paused != 0 || thread.next_subclass != 0 ||
                    thread.loader_call_count != 0 || thread.holds_files;
  thread.limit = slow ? thread.base : thread.end;
}

namespace {

bool make_room(ThreadState& thread) {
  const auto count = static_cast<std::size_t>(thread.end - thread.base);
  auto* larger = static_cast<HeldLock*>(map_pages(2 * count * sizeof(HeldLock)));
  if (larger == nullptr) return false;
  std::memcpy(larger, thread.base, count * sizeof(HeldLock));
  HeldLock* old = thread.base;
  thread.top = larger + (thread.top - thread.base);
  thread.base = larger;
  thread.end = larger + 2 * count;
  set_limit(thread);
  if (old != thread.inline_held) unmap_pages(old, count * sizeof(HeldLock));
  return true;
}

}  // namespace

bool push_held(ThreadState& thread, const HeldLock& entry) {
  if (thread.top == thread.end && !make_room(thread)) {
    trace.lose(Lost::Held);
    return false;
  }
  *thread.top = entry;
  ++thread.top;
  return true;
}

bool remove_held(ThreadState& thread, const void* address) {
  HeldLock* entry = thread.top;
  while (entry != thread.base && entry[-1].address != address) --entry;
  if (entry == thread.base) return false;
  --entry;
  for (HeldLock* above = entry; above + 1 < thread.top; ++above) {
    *above = above[1];
    // The set below has changed: another key, and another node where one is needed.
    const std::uint64_t below = above == thread.base ? 0 : above[-1].key;
    above->key = key_moved(above->key, chain_key(below, above->lock, above->mode, above->place.site));
    above->node = HeldId{};
  }
  --thread.top;
  return true;
}

namespace {

// Whether another, running thread holds `address`. Its stack may grow and move meanwhile, so it is copied by
// a system call in pieces; what is found is one word, and that word is an address.
bool seems_to_hold(ThreadState& reader, const ThreadState& other, const void* address) {
  const HeldLock* base = __atomic_load_n(&other.base, __ATOMIC_ACQUIRE);
  const HeldLock* top = __atomic_load_n(&other.top, __ATOMIC_ACQUIRE);
  constexpr std::size_t kPiece = ThreadState::kStackWords * sizeof(std::uintptr_t) / sizeof(HeldLock);
  while (top > base) {
    const std::size_t count =
        top - base < static_cast<std::ptrdiff_t>(kPiece) ? static_cast<std::size_t>(top - base) : kPiece;
    top -= count;
    if (sys::probe_own_memory(reader.stack_words, top, count * sizeof(HeldLock)) != 0) return false;
    const char* entry = reinterpret_cast<const char*>(reader.stack_words) + offsetof(HeldLock, address);
    for (std::size_t i = 0; i < count; ++i, entry += sizeof(HeldLock)) {
      const void* held;
      std::memcpy(&held, entry, sizeof held);
      if (held == address) return true;
    }
  }
  return false;
}

}  // namespace

bool release_for_holder(ThreadState& releaser, const void* address) {
  ThreadState* holder = find_thread(
      [&](ThreadState& other) { return &other != &releaser && seems_to_hold(releaser, other, address); });
  if (holder == nullptr) return false;
  for (auto& slot : holder->released_by_others) {
    const void* free = nullptr;
    if (!slot.compare_exchange_strong(free, address, std::memory_order_acq_rel)) continue;
    // The holder may set its limit at the same moment; then it takes notice at its next slow path.
    __atomic_store_n(&holder->limit, holder->base, __ATOMIC_RELEASE);
    return true;
  }
  return false;
}

void drop_released_by_others(ThreadState& thread) {
  for (auto& slot : thread.released_by_others)
    if (const void* address = slot.exchange(nullptr, std::memory_order_acq_rel)) remove_held(thread, address);
  set_limit(thread);
}

const HeldLock* find_held(const ThreadState& thread, LockId lock) {
  for (const HeldLock* entry = thread.top; entry != thread.base; --entry)
    if (entry[-1].lock == lock) return entry - 1;
  return nullptr;
}

}  // namespace faultline
