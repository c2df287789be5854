// pthread_barrier_*: a wait for the others, held by nobody.
#include "hooks/hook.h"
#include "record/waits.h"

using namespace faultline;

FAULTLINE_EXPORT int pthread_barrier_init(pthread_barrier_t* barrier, const pthread_barrierattr_t* attributes,
                                          unsigned count) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_barrier_init(barrier, attributes, count);
  if (result == 0) before_init(barrier, LockKind::Barrier, at);
  return result;
}

FAULTLINE_EXPORT int pthread_barrier_destroy(pthread_barrier_t* barrier) noexcept {
  lock_destroyed(barrier, LockKind::Barrier);
  return real::pthread_barrier_destroy(barrier);
}

FAULTLINE_EXPORT int pthread_barrier_wait(pthread_barrier_t* barrier) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_plain_wait(barrier, LockKind::Barrier, WaitKind::Blocking, at);
  if (!looks_incomplete(barrier)) return real::pthread_barrier_wait(barrier);
  wait_begins(barrier, LockKind::Barrier, Mode::Exclusive, at);
  const int result = real::pthread_barrier_wait(barrier);
  wait_ends();
  return result;
}
