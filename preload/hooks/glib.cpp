// GLib's GMutex and GCond: futexes of its own, so nothing of them reaches pthread's functions.
//
// Eight bytes have no room for an identity: every call takes the slow path to the table of addresses, and a
// GMutex that is neither initialised nor cleared by a call is taken for the one that was at its address
// before. What libglib does with its own mutexes is bound inside it and not seen. GRecMutex, GRWLock and
// GStaticRecMutex are pthread locks on the heap, which libglib takes through the hooks of those.
#include "hooks/hook.h"

using namespace faultline;

FAULTLINE_EXPORT void g_mutex_init(GMutex* mutex) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  real::g_mutex_init(mutex);
  before_init(mutex, LockKind::GMutex, at);
}

FAULTLINE_EXPORT void g_mutex_clear(GMutex* mutex) {
  lock_destroyed(mutex, LockKind::GMutex);
  real::g_mutex_clear(mutex);
}

FAULTLINE_EXPORT void g_mutex_lock(GMutex* mutex) {
  before_wait(mutex, LockKind::GMutex, Mode::Exclusive, WaitKind::Blocking, FAULTLINE_CALL_POINT);
  real::g_mutex_lock(mutex);
}

FAULTLINE_EXPORT int g_mutex_trylock(GMutex* mutex) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int taken = real::g_mutex_trylock(mutex);
  if (taken != 0) acquired_by_try(mutex, LockKind::GMutex, Mode::Exclusive, at);
  return taken;
}

FAULTLINE_EXPORT void g_mutex_unlock(GMutex* mutex) {
  before_release(mutex);
  real::g_mutex_unlock(mutex);
}

// No cancellation point, as pthread's are; the mutex is taken again however the wait ends.
FAULTLINE_EXPORT void g_cond_wait(GCond* condition, GMutex* mutex) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_condition_wait(mutex, at, LockKind::GMutex);
  real::g_cond_wait(condition, mutex);
  after_condition_wait(mutex, at, LockKind::GMutex);
}

FAULTLINE_EXPORT int g_cond_wait_until(GCond* condition, GMutex* mutex, long until) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_condition_wait(mutex, at, LockKind::GMutex);
  const int signalled = real::g_cond_wait_until(condition, mutex, until);
  after_condition_wait(mutex, at, LockKind::GMutex);
  return signalled;
}
