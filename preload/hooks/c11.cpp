// C11's mtx_* and cnd_*. In glibc they are the POSIX objects, under names of their own that call the POSIX
// functions from inside libc. (call_once: once.cpp; thrd_*: thread.cpp.)
#include "hooks/condition_wait.h"
#include "hooks/hook.h"
#include "sys/libc_locks.h"

using namespace faultline;

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t));
static_assert(thrd_success == 0);

pthread_mutex_t* posix(mtx_t* mutex) {
  return reinterpret_cast<pthread_mutex_t*>(mutex);
}

pthread_cond_t* posix(cnd_t* condition) {
  return reinterpret_cast<pthread_cond_t*>(condition);
}

}  // namespace

FAULTLINE_EXPORT int mtx_init(mtx_t* mutex, int type) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::mtx_init(mutex, type);
  if (result == thrd_success) before_init(mutex, LockKind::Mutex, at);
  return result;
}

FAULTLINE_EXPORT void mtx_destroy(mtx_t* mutex) {
  lock_destroyed(mutex, LockKind::Mutex);
  real::mtx_destroy(mutex);
}

FAULTLINE_EXPORT int mtx_lock(mtx_t* mutex) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  pthread_mutex_t* const same = posix(mutex);
  if (!push_if_known(same, known_word(same), LockKind::Mutex, Mode::Exclusive, at))
    before_wait(same, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  const bool waits = looks_taken(same);
  if (__builtin_expect(waits, 0)) wait_begins(same, LockKind::Mutex, Mode::Exclusive, at);
  const int result = real::mtx_lock(mutex);
  if (__builtin_expect(waits, 0)) wait_ends();
  if (__builtin_expect(result != thrd_success, 0)) wait_failed(same);
  return result;
}

FAULTLINE_EXPORT int mtx_trylock(mtx_t* mutex) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  pthread_mutex_t* const same = posix(mutex);
  const int result = real::mtx_trylock(mutex);
  if (result == thrd_success &&
      !push_if_known<true>(same, known_word(same), LockKind::Mutex, Mode::Exclusive, at))
    acquired_by_try(same, LockKind::Mutex, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  timed_wait_begins(mutex, LockKind::Mutex, Mode::Exclusive);
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Timed, FAULTLINE_CALL_POINT);
  const int result = real::mtx_timedlock(mutex, until);
  if (result != thrd_success) wait_failed(mutex);
  wait_ends();
  return result;
}

FAULTLINE_EXPORT int mtx_unlock(mtx_t* mutex) {
  const ThreadState* thread = tls.active;
  if (libc::kind_of(posix(mutex)) == PTHREAD_MUTEX_TIMED_NP ||
      (thread != nullptr && posix(mutex)->__data.__owner == thread->tid)) {
    before_release(mutex);
    return real::mtx_unlock(mutex);
  }
  // A recursive one refuses who does not own it, and then nothing was released.
  const int result = real::mtx_unlock(mutex);
  if (result == thrd_success) before_release(mutex);
  return result;
}

FAULTLINE_EXPORT int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return condition_wait(posix(condition), posix(mutex), WaitKind::Blocking, FAULTLINE_CALL_POINT,
                        thrd_timedout, [=] { return real::cnd_wait(condition, mutex); });
}

FAULTLINE_EXPORT int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return condition_wait(posix(condition), posix(mutex), WaitKind::Timed, FAULTLINE_CALL_POINT, thrd_timedout,
                        [=] { return real::cnd_timedwait(condition, mutex, until); });
}
