// The wait for a condition, by whichever name: the mutex is given up and taken again inside libc, where no
// hook sees it.
#pragma once

#include "hooks/hook.h"
#include "runtime.h"
#include "wait/wait.h"

namespace faultline {

struct ConditionWaiter {
  pthread_mutex_t* mutex;
  CallPoint at;
  bool was_held;
  int timed_out;
  int result;
};

// A wait that is refused because the caller does not own the mutex (EPERM) leaves it as it was; every other
// end of a wait, also a refusal for another reason and a cancellation, finds it held.
inline void mutex_is_held_again(void* waiter) {
  const auto& w = *static_cast<const ConditionWaiter*>(waiter);
  wait_ends();
  if (w.was_held || w.result == 0 || w.result == w.timed_out) after_condition_wait(w.mutex, w.at);
}

// Calls `wait` and returns its result, of which `timed_out` is one. A wait is a cancellation point; a
// cancelled thread's cleanup handlers run with the mutex taken again, so ours is on top of them.
template <class Wait>
int condition_wait(pthread_cond_t* condition, pthread_mutex_t* mutex, WaitKind kind, CallPoint at,
                   int timed_out, Wait wait) {
  if (!recording()) return wait();
  ConditionWaiter waiter{mutex, at, before_condition_wait(mutex, at), timed_out, 0};
  condition_wait_begins(condition, mutex, kind, at);
  pthread_cleanup_push(mutex_is_held_again, &waiter);
  waiter.result = wait();
  pthread_cleanup_pop(1);
  return waiter.result;
}

}  // namespace faultline
