// How a thread that serves page faults waits for a mutex.
//
// The mutex's holder may come to fault on a page that only this thread would serve: neither can then ever go
// on, and no hook is called that could notice. So a server waits in steps of some tenths of a second and
// looks in between where the holder sleeps. Mutexes only: of those the function with a time limit takes the
// lock as the one without, while a reader or writer that gives up its place may let others pass.
#pragma once

#include <pthread.h>

#include "record/thread_state.h"

namespace faultline {

// Whether the calling thread, which has published its wait, is to wait in steps.
inline bool waits_as_server() {
  const ThreadState* thread = tls.active;
  return thread != nullptr && thread->is_server;
}

// pthread_mutex_lock in steps: what it returns. Does not return where a deadlock is found that ends the
// process.
int lock_as_server(pthread_mutex_t* mutex);

}  // namespace faultline
