// The stack of locks a thread holds: room without a limit, removal in any order.
//
// The owner only, except that a server may read the stack of a thread stopped in a fault, and `any_held` that
// of any thread.
#pragma once

#include <cstring>

#include "record/thread_state.h"
#include "sys/key_map.h"

namespace faultline {

inline std::uint64_t top_key(const ThreadState& thread) {
  return thread.top[-1].key;
}

// Whether `entry`, of `thread`'s held stack or just above it, lies in the thread's state, which is never
// unmapped: then others may read what lies below it directly.
inline bool is_in_state(const ThreadState& thread, const HeldLock* entry) {
  return entry > thread.inline_held && entry <= thread.inline_held + ThreadState::kHeldAtFirst;
}

// Makes the state's memory for held locks the one that begins at `first`, empty.
void hold_in(ThreadState& thread, HeldLock* first, std::size_t count);

// The keys of `from` and all entries above it anew, and their nodes none: what they stand on has changed.
void renew_keys(ThreadState& thread, HeldLock* from);

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
// What other threads want of this one: at the start of its guarded section.
void take_notice(ThreadState& thread);

const HeldLock* find_held(const ThreadState& thread, const volatile void* address);

// Where pushing takes the slow path: at the end of memory, or always where ThreadState says so.
void set_limit(ThreadState& thread);

// Asks another thread to take the slow path at its next acquisition, where it takes notice of what others
// want: the caller has said what before. It may set its limit at the same moment, and then looks for it
// itself.
void stop_at_next_acquisition(ThreadState& thread);

}  // namespace faultline
