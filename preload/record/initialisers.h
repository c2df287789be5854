// Initialisers that run once: pthread_once and its kin, and function-local statics.
//
// The thread that may run one holds it from before it asks (it may have to wait for another thread that runs
// it) until it is told that it has been done, or has left it. Once done it is a wait for nobody in this run;
// but whoever comes first in another run waits, or runs it, under the locks held here, so that dependency is
// recorded too.
//
// The objects have no room for an identity, and many are part of heap objects that come and go without a
// call. An object at an address where an initialiser was seen to be done, but that has not been started, is a
// new one.
//
// Any thread.
#pragma once

#include "record/waits.h"

namespace faultline {

// Before the call that runs the initialiser, waits for it, or finds it done. `fresh`: the object says that it
// has never been started. Whether it is on the held stack now, until `initialiser_left`.
bool before_initialiser(const volatile void* object, LockKind kind, bool fresh, CallPoint at);
// `done`: it ran to its end, in whichever thread.
void initialiser_left(const volatile void* object, bool done);

// A call that finds it done. Cost: nothing held, two loads; else a look-up in the thread's cache.
[[gnu::cold]] void remember_done_wait(const volatile void* object, LockKind kind, CallPoint at,
                                      std::uint64_t key);
inline void before_done_initialiser(const volatile void* object, LockKind kind, CallPoint at) {
  if (!waits_for_others()) return;
  const ThreadState& thread = *tls.active;
  const std::uint64_t key =
      mix(mix(top_key(thread), reinterpret_cast<std::uint64_t>(object)), at.return_address);
  if (thread.known[key % ThreadState::kKnownKeys] != key) remember_done_wait(object, kind, at, key);
}

}  // namespace faultline
