// How a thread that serves page faults waits for a lock.
//
// The lock's holder may come to fault on a page that only this thread would serve: neither can then ever go
// on, and no hook is called that could notice. So a server waits in steps of some tenths of a second and
// looks in between where the holder sleeps. Mutexes only: of those a function with a time limit takes the
// lock as the one without, while a reader or writer that gives up its place may let others pass.
#pragma once

#include <errno.h>
#include <time.h>

#include "record/thread_state.h"

namespace faultline {

// Whether the calling thread, which has published its wait, is to wait in steps.
inline bool waits_as_server() {
  const ThreadState* thread = tls.active;
  return thread != nullptr && thread->is_server;
}

// The end of a step that begins now, by CLOCK_MONOTONIC.
timespec end_of_step();
// After a step without the lock: does not return where a deadlock is found that ends the process.
void look_between_steps();
void steps_end();

// `take()` waits for the lock, `take_until(&time)` does so for a limited time by CLOCK_MONOTONIC. Returns
// what they return.
template <class Take, class TakeUntil>
int take_as_server(Take take, TakeUntil take_until) {
  for (;;) {
    const timespec until = end_of_step();
    const int result = take_until(&until);
    if (result != ETIMEDOUT) {
      steps_end();
      // An old libc, or kernel, that knows no such limit for this lock.
      return result == EINVAL || result == ENOSYS ? take() : result;
    }
    look_between_steps();
  }
}

}  // namespace faultline
