// The page faults that a thread's own ring tells of, each attributed to exactly what the thread held.
//
// The owner reads its ring just before every change of its held set: at the start of each guarded section,
// and on the hot path's second tier (`watched_thread`), which threads with a ring take instead of the first.
// What the shim itself faults on within a guarded section is passed over at its end. A fault while nothing is
// held costs a few nanoseconds here, one that is known (same instruction, held set, service) some twenty; a
// new one has its stack walked from the sample's registers and stack piece, and is recorded: all that is held
// waits for mmap_lock, and for the service where the page is served.
//
// Passed over too: faults of the shim's own code, and on the lock word of the newest lock, which is touched
// while the lock is only about to be held.
#pragma once

#include "fault/fault_samples.h"
#include "fault/perf_ring.h"
#include "record/dependencies.h"
#include "runtime.h"

namespace faultline {

// At the start of the owner's guarded section: tells what the ring holds. The first time after another
// thread has opened the ring, what it holds is passed over.
void tell_own_faults(ThreadState& thread);
// At its end: passes over what is new.
void pass_over_own_faults(ThreadState& thread);

// After the calling thread has given up a lock: puts its ring to rest where it holds nothing more, and has
// lately faulted when it did not. Not in a process that serves faults, where others look for what a thread
// faulted on last; nor while the ring has yet to say how much it has lost.
void rest_if_idle(ThreadState& thread);

// Tells the faults of a thread that cannot run at present, if it has a ring and reads it. `writer`: the
// caller, in a guarded section.
void tell_faults(ThreadState& writer, ThreadState& stopped);

// The newest sample of another thread. Certain where that cannot run at present; one that runs may end
// meanwhile, and what is found of it may be nonsense. False: no ring, or no sample, or the ring is full.
bool newest_sample(const ThreadState& thread, FaultSample& sample);

// The two dependencies of a fault, recorded unless they are known: `waiter` holds something, and what it
// holds is told apart. A fault of unserved memory waits for the model mmap_lock, whatever the program
// declared: that lock stands for the memory the program serves.
std::uint64_t fault_key(const ThreadState& waiter, std::uint64_t place, LockId service, Origin origin);
void record_fault(ThreadState& writer, ThreadState& waiter, const FaultFacts& facts, StackId stack,
                  std::uint64_t key);

// Hot, for threads with a ring: the calling thread, once the faults it has taken so far are told; null where
// it has none, or must take the slow path. Outside of guarded sections. Not inline: a thread without a ring
// is not to pay for its registers.
ThreadState* watched_thread();

// Hot: the calling thread as the hot path may use it, with no fault left to be told; null: take the slow
// path.
[[gnu::always_inline]] inline ThreadState* ready_thread() {
  ThreadState* thread = tls.quick;
  if (__builtin_expect(thread == nullptr, 0)) thread = watched_thread();
  return thread;
}

}  // namespace faultline
