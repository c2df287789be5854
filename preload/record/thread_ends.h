// The end of a thread as something others wait for: a lock of kind `thread`, held by its thread all its life,
// waited for by whoever joins it.
//
// Only the waits are recorded, each with what the joiner holds. That the thread holds its own end whatever it
// does needs no record.
#pragma once

#include <pthread.h>

#include "record/waits.h"

namespace faultline {

// Before a join that waits. Nothing is recorded of a joiner that holds nothing and whose own end nobody can
// wait for, nor of a thread that was never seen. A thread created a moment ago is given time to begin.
void before_join(pthread_t joined, WaitKind wait, CallPoint at);

// The lock that the end of `thread` is, where the trace has it; none else.
LockId written_end_of(ThreadId thread);

}  // namespace faultline
