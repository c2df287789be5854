// Who waits for whom, at this moment: the walk from one thread's wait over the holders of what is waited for.
//
// A cycle, once closed, stays: nobody in it can go on. So it is believed when every wait and every hold in it
// was seen twice, each wait with the same sequence number: between the two looks all of it was true at once.
// What is not certain (a lock that does not say who holds it, seen on two threads' stacks) is no edge. A
// timed wait is none either: it ends by itself.
//
// Edges: a mutex or a write-held rwlock names its owner. Readers, and holders of locks without an owner's
// name, are found on the held stacks of live threads; an entry of a thread that waits for that lock itself is
// not a hold. A reader that lets writers go first waits for the writers that wait, too; so of a lock type of
// the program's own. A join waits for its thread. A thread stopped in a page fault waits for the server that
// read its message, or, where nobody has, for the only reader there is; so does one whose change of memory
// must be read of (fault/service_events.h). A thread whose lock was free when its hook looked waits without
// having said so: its newest entry is then a lock that, by the lock's own word, the walker holds.
//
// In guarded sections, or by a thread at its end; the walker's scratch is used. Cost: nothing until the first
// holder waits itself; then a system call for each wait on the way.
#pragma once

#include "record/thread_state.h"

namespace faultline {

// Threads that will not run again. `threads` is scratch of the thread that found it.
struct Deadlock {
  DeadlockKind kind;
  std::uint64_t key;   // the same as long as the same threads are in the same waits
  Waiter* threads;     // of a cycle, each waits for the next one, the last for the first
  std::size_t count;   // of `threads`
  std::size_t others;  // of a stall: threads that `threads` has no room for
  int gone;            // HolderExited: kernel id of the thread that held the lock; 0 not known
  bool may_dissolve;  // part of it is a page fault that some thread not seen before might yet resolve, a lock
                      // type of the program's own, which anybody may release, or a lock that a signal handler
                      // may hold which interrupted its thread's wait
};

// How a walk ended that found nothing.
enum class WalkEnd : std::uint8_t {
  Runs,  // behind every wait stands a thread that does not wait, or only for a limited time
  Idle,  // some wait stands behind one that is for no lock: a condition, a semaphore, a barrier
};

// A cycle behind the published wait of `walker`; it need not be part of it.
bool find_cycle(ThreadState& walker, Deadlock& found, WalkEnd& end);

// Whether the walker waits for a lock whose holder has ended. May wait some milliseconds for the end of a
// holder that is known to be ending.
bool find_ended_holder(ThreadState& walker, Deadlock& found);

// A thread that waits for what `leaver`, at its end, still holds. Also remembers what it leaves, for those
// that come to wait later.
bool find_left_behind(ThreadState& leaver, Deadlock& found);

// Another thread released what its holder left behind.
void forget_left_behind(const volatile void* lock);
bool anything_left_behind();

// Whether, by the held stacks, a wait of the walker for this lock, of a type of the program's own, is for
// someone.
bool is_held_against(ThreadState& walker, const volatile void* lock, Mode mode);

// Whether `thread`, live and perhaps running, is past the acquisition of `object`, by its held stack.
bool has_acquired(ThreadState& walker, const ThreadState& thread, const volatile void* object);

// `thread` waits, not for a limited time; fills in `waiter`.
bool waits_for_good(const ThreadState& thread, Waiter& waiter);

// The live thread with that pthread_t, null if none.
ThreadState* live_thread(const volatile void* handle);

// Identifies a set of waits, whatever their order.
std::uint64_t key_of_waits(DeadlockKind kind, const Waiter* waiters, std::size_t count);

}  // namespace faultline
