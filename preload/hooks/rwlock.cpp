// pthread_rwlock_*: and through them std::shared_mutex and std::shared_timed_mutex.
#include "hooks/hook.h"

using namespace faultline;

namespace {

template <class Lock>
[[gnu::always_inline]] inline int blocking(pthread_rwlock_t* lock, Mode mode, CallPoint at, Lock take) {
  if (lock->__data.__shared != 0 || *rwlock_tag(lock) != tag_for(lock) ||
      !push_if_known(lock, *rwlock_word(lock), LockKind::Rwlock, mode, at,
                     queues_readers(lock, LockKind::Rwlock, mode)))
    before_wait(lock, LockKind::Rwlock, mode, WaitKind::Blocking, at);
  const bool waits = looks_taken(lock, mode);
  if (__builtin_expect(waits, 0)) wait_begins(lock, LockKind::Rwlock, mode, at);
  const int result = take();
  if (__builtin_expect(waits, 0)) wait_ends();
  if (__builtin_expect(result != 0, 0)) wait_failed(lock);
  return result;
}

int tried(pthread_rwlock_t* lock, Mode mode, CallPoint at, int result) {
  if (result != 0) return result;
  if (lock->__data.__shared != 0 || *rwlock_tag(lock) != tag_for(lock) ||
      !push_if_known<true>(lock, *rwlock_word(lock), LockKind::Rwlock, mode, at))
    acquired_by_try(lock, LockKind::Rwlock, mode, at);
  return 0;
}

template <class Lock>
int timed(pthread_rwlock_t* lock, Mode mode, CallPoint at, Lock take) {
  timed_wait_begins(lock, LockKind::Rwlock, mode);
  before_wait(lock, LockKind::Rwlock, mode, WaitKind::Timed, at);
  const int result = take();
  wait_ends();
  if (result != 0) wait_failed(lock);
  return result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_rwlock_init(pthread_rwlock_t* lock,
                                         const pthread_rwlockattr_t* attributes) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_rwlock_init(lock, attributes);
  if (result == 0) before_init(lock, LockKind::Rwlock, at);
  return result;
}

FAULTLINE_EXPORT int pthread_rwlock_destroy(pthread_rwlock_t* lock) noexcept {
  if (lock->__data.__shared != 0) lock_destroyed(lock, LockKind::Rwlock);
  return real::pthread_rwlock_destroy(lock);
}

FAULTLINE_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  return blocking(lock, reader_mode(lock), FAULTLINE_CALL_POINT,
                  [=] { return real::pthread_rwlock_rdlock(lock); });
}

FAULTLINE_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  return blocking(lock, Mode::Exclusive, FAULTLINE_CALL_POINT,
                  [=] { return real::pthread_rwlock_wrlock(lock); });
}

FAULTLINE_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept {
  return tried(lock, reader_mode(lock), FAULTLINE_CALL_POINT, real::pthread_rwlock_tryrdlock(lock));
}

FAULTLINE_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept {
  return tried(lock, Mode::Exclusive, FAULTLINE_CALL_POINT, real::pthread_rwlock_trywrlock(lock));
}

FAULTLINE_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  return timed(lock, reader_mode(lock), FAULTLINE_CALL_POINT,
               [=] { return real::pthread_rwlock_timedrdlock(lock, until); });
}

FAULTLINE_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock,
                                                const timespec* until) noexcept {
  return timed(lock, reader_mode(lock), FAULTLINE_CALL_POINT,
               [=] { return real::pthread_rwlock_clockrdlock(lock, clock, until); });
}

FAULTLINE_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  return timed(lock, Mode::Exclusive, FAULTLINE_CALL_POINT,
               [=] { return real::pthread_rwlock_timedwrlock(lock, until); });
}

FAULTLINE_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock,
                                                const timespec* until) noexcept {
  return timed(lock, Mode::Exclusive, FAULTLINE_CALL_POINT,
               [=] { return real::pthread_rwlock_clockwrlock(lock, clock, until); });
}

FAULTLINE_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  before_release(lock);
  return real::pthread_rwlock_unlock(lock);
}

FAULTLINE_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
FAULTLINE_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
FAULTLINE_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
FAULTLINE_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
FAULTLINE_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
FAULTLINE_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
FAULTLINE_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
