// What a hook calls around a call that blocks: the thread publishes what it waits for, and is told off at
// once if nothing can ever end that wait.
//
//   lock      if (looks_taken(lock)) { wait_begins(...); result = real::lock(lock); wait_ends(); }
//   timed     timed_wait_begins(...); before_wait(...); result = real::timedlock(...); wait_ends();
//   condition condition_wait_begins(...); real::wait(...); wait_ends();
//
// A lock's entry is on the held stack by then (before_wait, or the hot path's push), and tells where the wait
// began; a timed wait is published before that, so that nobody takes its entry for a wait without end. A lock
// that looks free is taken without any of this: that its hook's thread waits after all, because another one
// was faster, is inferred by whoever walks (wait_graph.h).
//
// A hook for a new kind says that it would block by calling wait_begins only then (the semaphore is 0, the
// barrier incomplete, the initialiser running); `object` must be what lock_words.h knows for that kind, or a
// kind without words, whose holders are then known by their held stacks alone. The calls that are
// cancellation points (join, sem_wait, condition waits) end the wait in a cleanup handler: the program's own
// run while the wait is no more.
//
// Cost of a wait that blocks: five stores, a fence, a look at the owner and whether it waits. Any thread, any
// time. Does not return where the options say so: see deadlock_report.h.
#pragma once

#include "record/acquisition.h"
#include "wait/lock_words.h"

namespace faultline {

[[gnu::cold]] void wait_begins(const volatile void* object, LockKind kind, Mode mode, CallPoint at);
// Of a lock type of the program's own (annotate.h), once its entry is on the held stack: published, and
// looked at, only where the held stacks say that the wait is for someone, and only of a thread that others
// may wait for. That nobody had it a moment ago when it was taken is not noticed. Whether it was published:
// then `wait_ends` follows. Cost of an acquisition inside another: a look at the held stacks of all threads.
bool own_lock_wait_begins(const volatile void* lock, Mode mode);
void timed_wait_begins(const volatile void* object, LockKind kind, Mode mode);
void condition_wait_begins(const pthread_cond_t* condition, const pthread_mutex_t* mutex, WaitKind wait,
                           CallPoint at);
// Ends the newest wait of this thread.
void wait_ends();

// A thread's end, with whatever it still holds; in its last round of destructors. Within the shim's own
// section.
void thread_ends(ThreadState& thread);

}  // namespace faultline
