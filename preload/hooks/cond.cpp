// pthread_cond_*wait: the mutex is given up and taken again inside libc, where no hook sees it.
#include <errno.h>

#include "hooks/hook.h"

using namespace faultline;

namespace {

struct Waiter {
  pthread_mutex_t* mutex;
  CallPoint at;
  bool was_held;
  int result;
};

// A wait that is refused because the caller does not own the mutex (EPERM) leaves it as it was; every other
// end of a wait, also a refusal for another reason and a cancellation, finds it held.
void mutex_is_held_again(void* waiter) {
  const auto& w = *static_cast<const Waiter*>(waiter);
  wait_ends();
  if (w.was_held || w.result == 0 || w.result == ETIMEDOUT) after_condition_wait(w.mutex, w.at);
}

// A wait is a cancellation point; a cancelled thread's cleanup handlers run with the mutex taken again, so
// ours is on top of them.
template <class Wait>
int waiting(pthread_cond_t* condition, pthread_mutex_t* mutex, WaitKind kind, CallPoint at, Wait wait) {
  Waiter waiter{mutex, at, before_condition_wait(mutex, at), 0};
  condition_wait_begins(condition, mutex, kind, at);
  pthread_cleanup_push(mutex_is_held_again, &waiter);
  waiter.result = wait();
  pthread_cleanup_pop(1);
  return waiter.result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return waiting(condition, mutex, WaitKind::Blocking, FAULTLINE_CALL_POINT,
                 [=] { return real::pthread_cond_wait(condition, mutex); });
}

FAULTLINE_EXPORT int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                            const timespec* until) {
  return waiting(condition, mutex, WaitKind::Timed, FAULTLINE_CALL_POINT,
                 [=] { return real::pthread_cond_timedwait(condition, mutex, until); });
}

FAULTLINE_EXPORT int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                            clockid_t clock, const timespec* until) {
  return waiting(condition, mutex, WaitKind::Timed, FAULTLINE_CALL_POINT,
                 [=] { return real::pthread_cond_clockwait(condition, mutex, clock, until); });
}
