// pthread_mutex_*: and through them std::mutex and its kin.
#include <errno.h>

#include "hooks/hook.h"

using namespace faultline;

namespace {

bool acquired(int result) { return result == 0 || result == EOWNERDEAD; }

// Mutexes whose lock function can fail: errorcheck, robust, priority protocols, process-shared.
int lock_that_can_fail(pthread_mutex_t* mutex, CallPoint at) {
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  const int result = real::pthread_mutex_lock(mutex);
  if (!acquired(result)) wait_failed(mutex);
  return result;
}

template <class Lock>
int timed_lock(pthread_mutex_t* mutex, CallPoint at, Lock lock) {
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Timed, at);
  const int result = lock();
  if (!acquired(result)) wait_failed(mutex);
  return result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_mutex_init(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_mutex_init(mutex, attributes);
  if (result == 0) before_init(mutex, LockKind::Mutex, at);
  return result;
}

FAULTLINE_EXPORT int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  if (!is_plain(mutex)) lock_destroyed(mutex, LockKind::Mutex);
  return real::pthread_mutex_destroy(mutex);
}

FAULTLINE_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (!is_plain(mutex)) return lock_that_can_fail(mutex, at);
  const std::uint64_t* words = mutex_words(mutex);
  if (words[0] != tag_for(mutex) || !push_if_known(mutex, words[1], LockKind::Mutex, Mode::Exclusive, at))
    before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  return real::pthread_mutex_lock(mutex);
}

FAULTLINE_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_mutex_trylock(mutex);
  if (acquired(result)) acquired_by_try(mutex, LockKind::Mutex, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  return timed_lock(mutex, FAULTLINE_CALL_POINT, [=] { return real::pthread_mutex_timedlock(mutex, until); });
}

FAULTLINE_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, const timespec* until) noexcept {
  return timed_lock(mutex, FAULTLINE_CALL_POINT, [=] { return real::pthread_mutex_clocklock(mutex, clock, until); });
}

FAULTLINE_EXPORT int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  if (is_plain(mutex)) {
    before_release(mutex);
    return real::pthread_mutex_unlock(mutex);
  }
  // May be refused (EPERM), and then nothing was released.
  const int result = real::pthread_mutex_unlock(mutex);
  if (result == 0) before_release(mutex);
  return result;
}

FAULTLINE_ALIAS(__pthread_mutex_init, pthread_mutex_init);
FAULTLINE_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);
FAULTLINE_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
FAULTLINE_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
FAULTLINE_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
