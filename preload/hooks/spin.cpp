// pthread_spin_*: four bytes have no room for an identity, so every call takes the slow path to the table of
// addresses.
#include "hooks/hook.h"

using namespace faultline;

FAULTLINE_EXPORT int pthread_spin_init(pthread_spinlock_t* lock, int shared) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_spin_init(lock, shared);
  if (result == 0) before_init(lock, LockKind::Spin, at);
  return result;
}

FAULTLINE_EXPORT int pthread_spin_destroy(pthread_spinlock_t* lock) noexcept {
  lock_destroyed(lock, LockKind::Spin);
  return real::pthread_spin_destroy(lock);
}

FAULTLINE_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_wait(lock, LockKind::Spin, Mode::Exclusive, WaitKind::Blocking, at);
  if (!looks_taken(lock)) return real::pthread_spin_lock(lock);
  wait_begins(lock, LockKind::Spin, Mode::Exclusive, at);
  const int result = real::pthread_spin_lock(lock);
  wait_ends();
  return result;
}

FAULTLINE_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_spin_trylock(lock);
  if (result == 0) acquired_by_try(lock, LockKind::Spin, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  before_release(lock);
  return real::pthread_spin_unlock(lock);
}
