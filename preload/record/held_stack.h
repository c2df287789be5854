// The stack of locks a thread holds: room without a limit, removal in any order.
//
// The owner only, except that a server may read the stack of a thread stopped in a fault, and `any_held` that
// of any thread.
#pragma once

#include <cstring>

#include "record/thread_state.h"
#include "sys/key_map.h"

namespace faultline {

// The key of a held stack: the key below it, and one lock with its mode and call site.
constexpr std::uint64_t chain_key(std::uint64_t below, LockId lock, Mode mode, std::uint32_t site) {
  return mix(below + static_cast<std::uint64_t>(mode), (static_cast<std::uint64_t>(lock.value) << 32) | site);
}

inline std::uint64_t top_key(const ThreadState& thread) {
  return thread.top == thread.base ? 0 : thread.top[-1].key;
}

// Pushes one entry; makes room where needed. False: no memory; counted as lost.
bool push_held(ThreadState& thread, const HeldLock& entry);

// Removes the newest entry for `address`. Entries above it move down and get new keys. False: none.
bool remove_held(ThreadState& thread, const void* address);

// Copies the newest entries of another thread's held stack below `top` into the reader's `stack_words`. How
// many; 0 where that memory is gone. That thread may run: entries are as they were at some moment each, and
// their fields may not belong together.
std::size_t copy_held(ThreadState& reader, const ThreadState& other, const HeldLock* base,
                      const HeldLock* top);

// Whether an entry of another, perhaps running, thread's held stack `matches(entry, newest)`; newest first.
template <class Condition>
bool any_held(ThreadState& reader, const ThreadState& other, Condition matches) {
  const HeldLock* base = __atomic_load_n(&other.base, __ATOMIC_ACQUIRE);
  const HeldLock* top = __atomic_load_n(&other.top, __ATOMIC_ACQUIRE);
  bool newest = true;
  while (top > base) {
    std::size_t count = copy_held(reader, other, base, top);
    if (count == 0) return false;
    top -= count;
    for (; count > 0; --count, newest = false) {
      HeldLock entry;
      std::memcpy(&entry, reinterpret_cast<const char*>(reader.stack_words) + (count - 1) * sizeof entry,
                  sizeof entry);
      if (matches(entry, newest)) return true;
    }
  }
  return false;
}

// A lock may be released by another thread than its holder (a hand-over). `releaser` finds the holder, which
// will drop the entry before it records anything more. False: nobody was seen to hold it.
bool release_for_holder(ThreadState& releaser, const void* address);
// The holder's part: at the start of a guarded section.
void drop_released_by_others(ThreadState& thread);

const HeldLock* find_held(const ThreadState& thread, LockId lock);

// Where pushing takes the slow path: at the end of memory, or always for a thread that serves faults.
void set_limit(ThreadState& thread);

}  // namespace faultline
