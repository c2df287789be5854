#include "record/held_stack.h"

#include <cstring>

#include "fault/storm.h"
#include "record/subclass.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

namespace faultline {

void set_limit(ThreadState& thread) {
  const bool slow = thread.is_server || thread.paused != 0 || thread.next_subclass != 0 ||
                    thread.loader_call_count != 0 || thread.holds_files || is_storming();
  __atomic_store_n(&thread.limit, slow ? thread.base : thread.end, __ATOMIC_SEQ_CST);
  // Another thread may have asked for notice just before, and this overwritten how it did.
  bool asked = thread.forget_known.load(std::memory_order_seq_cst);
  for (const auto& slot : thread.released_by_others) asked |= slot.load(std::memory_order_seq_cst) != nullptr;
  if (asked) stop_at_next_acquisition(thread);
}

void stop_at_next_acquisition(ThreadState& thread) {
  // Not its base, which may move at this moment.
  __atomic_store_n(&thread.limit, static_cast<HeldLock*>(nullptr), __ATOMIC_RELEASE);
}

void hold_in(ThreadState& thread, HeldLock* first, std::size_t count) {
  thread.base = thread.top = first + 1;
  thread.end = first + count;
  set_limit(thread);
}

namespace {

bool make_room(ThreadState& thread) {
  HeldLock* old = thread.base - 1;
  const auto count = static_cast<std::size_t>(thread.end - old);
  const auto used = static_cast<std::size_t>(thread.top - old);
  auto* larger = static_cast<HeldLock*>(map_pages(2 * count * sizeof(HeldLock)));
  if (larger == nullptr) return false;
  std::memcpy(larger, old, used * sizeof(HeldLock));
  hold_in(thread, larger, 2 * count);
  thread.top = larger + used;
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
  --thread.top;
  std::memmove(static_cast<void*>(entry), entry + 1,
               static_cast<std::size_t>(thread.top - entry) * sizeof *entry);
  renew_keys(thread, entry);
  return true;
}

void renew_keys(ThreadState& thread, HeldLock* from) {
  for (HeldLock* entry = from; entry != thread.top; ++entry) {
    entry->key = key_moved(
        entry->key, chain_key(entry[-1].key, entry->word, entry->mode, key_of_site(entry->place.site)));
    entry->node = HeldId{};
  }
}

std::size_t copy_held(ThreadState& reader, const ThreadState& other, const HeldLock* base,
                      const HeldLock* top) {
  constexpr std::size_t kPiece = ThreadState::kStackWords * sizeof(std::uintptr_t) / sizeof(HeldLock);
  const std::size_t count =
      top - base < static_cast<std::ptrdiff_t>(kPiece) ? static_cast<std::size_t>(top - base) : kPiece;
  const HeldLock* from = top - count;
  if (!is_in_state(other, base) || !is_in_state(other, top))
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
    stop_at_next_acquisition(*holder);
    return true;
  }
  return false;
}

void take_notice(ThreadState& thread) {
  for (auto& slot : thread.released_by_others)
    if (const void* address = slot.exchange(nullptr, std::memory_order_acq_rel)) remove_held(thread, address);
  if (thread.forget_known.exchange(false, std::memory_order_acq_rel)) {
    std::memset(thread.known, 0, sizeof thread.known);
    for (CallSite& site : thread.call_sites) site.alone = LockWord{};
  }
  set_limit(thread);
}

const HeldLock* find_held(const ThreadState& thread, const volatile void* address) {
  for (const HeldLock* entry = thread.top; entry != thread.base; --entry)
    if (entry[-1].address == address) return entry - 1;
  return nullptr;
}

}  // namespace faultline
