#include "record/held_stack.h"

#include <cstring>

#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

namespace faultline {

void set_limit(ThreadState& thread) {
  thread.limit = thread.is_server ? thread.base : thread.end;
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
    above->key =
        chain_key(above == thread.base ? 0 : above[-1].key, above->lock, above->mode, above->place.site);
    above->node = HeldId{};
  }
  --thread.top;
  return true;
}

std::size_t copy_held(ThreadState& reader, const ThreadState& other, const HeldLock* base,
                      const HeldLock* top) {
  constexpr std::size_t kPiece = ThreadState::kStackWords * sizeof(std::uintptr_t) / sizeof(HeldLock);
  const std::size_t count =
      top - base < static_cast<std::ptrdiff_t>(kPiece) ? static_cast<std::size_t>(top - base) : kPiece;
  const HeldLock* from = top - count;
  const HeldLock* never_unmapped = other.inline_held;
  if (base != never_unmapped || top > never_unmapped + ThreadState::kHeldAtFirst)
    return sys::probe_own_memory(reader.stack_words, from, count * sizeof(HeldLock)) == 0 ? count : 0;
  const auto* words = reinterpret_cast<const std::uintptr_t*>(from);
  for (std::size_t i = 0; i < count * sizeof(HeldLock) / sizeof *words; ++i)
    reader.stack_words[i] = __atomic_load_n(words + i, __ATOMIC_RELAXED);
  return count;
}

bool release_for_holder(ThreadState& releaser, const void* address) {
  const auto is_it = [&](const HeldLock& entry, bool) { return entry.address == address; };
  ThreadState* holder = find_thread(
      [&](ThreadState& other) { return &other != &releaser && any_held(releaser, other, is_it); });
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
