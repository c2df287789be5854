// Waits that make nobody a holder: for a barrier, a semaphore that counts, the end of a thread, an
// initialiser that may be running. What the thread holds meanwhile is the dependency; nothing is pushed.
//
// Any thread, any time; errno is kept.
#pragma once

#include "record/acquisition.h"

namespace faultline {

// Whether a wait would be a dependency of something. Thread-local state only. `even_alone`: the thread's end
// counts as held (someone may wait for it).
inline bool waits_for_others(bool even_alone = false) {
  const ThreadState* thread = tls.active;
  return thread != nullptr && (thread->top != thread->base || (even_alone && thread->parent));
}

// Whether the calling thread has `lock` on its held stack. Cost: the depth of the stack.
inline bool is_held(const volatile void* lock) {
  const ThreadState* thread = tls.active;
  if (thread == nullptr) return false;
  for (const HeldLock* entry = thread->top; entry != thread->base; --entry)
    if (entry[-1].address == lock) return true;
  return false;
}

// Records the dependency of everything held on `lock`, which is no lock object or one that the caller has
// identified. Once per held set, call site, thread and epoch.
void record_plain_wait(Guard& guard, LockId lock, LockKind kind, const volatile void* address, WaitKind wait,
                       CallPoint at, Cause cause);

// The same for an object in memory. Nothing if nothing is held.
void before_plain_wait(const volatile void* object, LockKind kind, WaitKind wait, CallPoint at,
                       Cause cause = Cause::Call);

// The wait of a thread that is being unwound (an exception, cancellation, pthread_exit) has ended: the newest
// entry of `kind` leaves its held stack.
void release_newest(LockKind kind);

}  // namespace faultline
