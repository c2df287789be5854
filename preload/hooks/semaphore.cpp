// sem_*: as locks and as waits. Which semaphore is which is decided in record/semaphores.h.
#include "record/semaphores.h"

#include "hooks/hook.h"
#include "hooks/unwound.h"

using namespace faultline;

// The three ways a wait can be left by unwinding: with the semaphore on the held stack, with a published
// wait, with both.
FAULTLINE_UNWOUND_CALL(faultline_semaphore_take, release_newest(LockKind::Semaphore))
FAULTLINE_UNWOUND_CALL(faultline_semaphore_wait, wait_ends())
FAULTLINE_UNWOUND_CALL(faultline_semaphore_wait_take, (wait_ends(), release_newest(LockKind::Semaphore)))

namespace {

// A wait is a cancellation point.
template <class Function, class... Arguments>
int waiting(sem_t* semaphore, WaitKind wait, CallPoint at, Function function, Arguments... arguments) {
  const bool pushed = before_semaphore_wait(semaphore, wait, at);
  int result;
  if (looks_taken(semaphore)) {
    if (wait == WaitKind::Timed)
      timed_wait_begins(semaphore, LockKind::Semaphore, Mode::Exclusive);
    else
      wait_begins(semaphore, LockKind::Semaphore, Mode::Exclusive, at);
    result = pushed ? faultline_semaphore_wait_take(function, semaphore, arguments...)
                    : faultline_semaphore_wait(function, semaphore, arguments...);
    wait_ends();
  } else {
    result = pushed ? faultline_semaphore_take(function, semaphore, arguments...)
                    : function(semaphore, arguments...);
  }
  if (pushed && result != 0) wait_failed(semaphore);
  return result;
}

}  // namespace

FAULTLINE_EXPORT int sem_init(sem_t* semaphore, int shared, unsigned value) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::sem_init(semaphore, shared, value);
  if (result == 0) semaphore_initialised(semaphore, value, at);
  return result;
}

FAULTLINE_EXPORT int sem_destroy(sem_t* semaphore) noexcept {
  semaphore_destroyed(semaphore);
  return real::sem_destroy(semaphore);
}

FAULTLINE_EXPORT int sem_wait(sem_t* semaphore) {
  return waiting(semaphore, WaitKind::Blocking, FAULTLINE_CALL_POINT, real::sem_wait);
}

FAULTLINE_EXPORT int sem_trywait(sem_t* semaphore) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::sem_trywait(semaphore);
  if (result == 0) semaphore_taken_by_try(semaphore, at);
  return result;
}

FAULTLINE_EXPORT int sem_timedwait(sem_t* semaphore, const timespec* until) {
  return waiting(semaphore, WaitKind::Timed, FAULTLINE_CALL_POINT, real::sem_timedwait, until);
}

FAULTLINE_EXPORT int sem_clockwait(sem_t* semaphore, clockid_t clock, const timespec* until) {
  return waiting(semaphore, WaitKind::Timed, FAULTLINE_CALL_POINT, real::sem_clockwait, clock, until);
}

FAULTLINE_EXPORT int sem_post(sem_t* semaphore) noexcept {
  before_semaphore_post(semaphore);
  return real::sem_post(semaphore);
}
