#include "record/held_stack.h"

#include <cstring>

#include "runtime.h"
#include "sys/arena.h"

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

const HeldLock* find_held(const ThreadState& thread, LockId lock) {
  for (const HeldLock* entry = thread.top; entry != thread.base; --entry)
    if (entry[-1].lock == lock) return entry - 1;
  return nullptr;
}

}  // namespace faultline
