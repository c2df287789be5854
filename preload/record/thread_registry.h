// All threads of the process that the shim has seen, and the order that creating and joining them gives.
//
// States come from a pool and go back to it when a thread ends; a ThreadId is given once. Any thread may
// register itself and look others up; a state found by `thread_by_tid` may be read only while that thread
// cannot run (it is stopped in a fault).
#pragma once

#include <pthread.h>

#include "record/guard.h"

namespace faultline {

// A state for a thread about to be created by `parent`, with a new id. nullptr: no memory; the thread then
// registers itself, without a parent. `parent`'s epoch rises with `thread_created`, after success.
ThreadState* prepare_thread(ThreadState& parent);
void thread_created(ThreadState& parent);
// The new thread `child` goes by what the program keeps at `handle`: told by its creator too, since a join
// may come before the thread's first act.
void learn_handle(ThreadId child, const pthread_t* handle);
void discard_thread(ThreadState& prepared);  // creation failed

// Gives the calling thread, seen for the first time, a state and writes its record. Null: not possible,
// counted as lost. The shim counts as busy with the thread until the caller sets `tls.active`.
ThreadState* adopt_thread();

// A new thread's first act: `prepared` becomes its state.
void begin_thread(ThreadState& prepared);

// Called when the calling thread ends, after its thread-specific destructors: its state returns to the pool.
void end_thread();

// Adds the locks that came to life on the thread's hot path to the trace's count. The thread itself, or at
// the end of the process.
void count_fresh_locks(ThreadState& thread);

// `joiner` has seen the end of `joined`.
void thread_joined(Guard& joiner, pthread_t joined);

// The thread that was last seen to have this handle; none where it was never seen. Means something only while
// the program may use the handle.
ThreadId thread_by_handle(pthread_t handle);

// The thread with kernel id `tid`, or null (never seen, or ended).
ThreadState* thread_by_tid(int tid);

// Whether a thread that is no more among ours may still be among the kernel's, as one of the last few that
// ended.
bool has_ended_lately(int tid);

// The states there are, `at` counting from 0; null at the end. A state belongs to a live thread where
// `is_live`.
ThreadState* state_at(std::uint32_t at);
bool is_live(const ThreadState& state);

// The first live thread that `matches`, or null.
template <class Condition>
ThreadState* find_thread(Condition matches) {
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at)
    if (is_live(*state) && matches(*state)) return state;
  return nullptr;
}

// Writes a record if the thread's name changed since the last one. Cheap (one system call); before each
// dependency.
void refresh_thread_name(ThreadState& thread);

// In a forked child: only the calling thread lives on, with what it holds.
void registry_after_fork(ThreadState* survivor);

// Resources for noticing thread ends. Once, by the constructor.
void initialise_registry();

}  // namespace faultline
