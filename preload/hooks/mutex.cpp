// pthread_mutex_*: and through them std::mutex and its kin.
#include <errno.h>

#include "hooks/hook.h"

using namespace faultline;

namespace {

bool acquired(int result) {
  return result == 0 || result == EOWNERDEAD;
}

// Its own holder asks again, and is let in or told off, but does not wait.
bool is_own_and_returns(const pthread_mutex_t* mutex) {
  const ThreadState* thread = tls.active;
  const int type = mutex->__data.__kind & 3;
  return (type == PTHREAD_MUTEX_RECURSIVE_NP || type == PTHREAD_MUTEX_ERRORCHECK_NP) && thread != nullptr &&
         mutex->__data.__owner == thread->tid;
}

// Most contended locks are free again before a wait could be published, let alone waited in the kernel.
bool is_free_soon(const pthread_mutex_t* mutex) {
  constexpr int kPauses = 8;
  for (int i = 0; i < kPauses; ++i) {
    __builtin_ia32_pause();
    if (!looks_taken(mutex)) return true;
  }
  return false;
}

// The lock's entry is on the held stack, but somebody has the lock.
[[gnu::cold, gnu::noinline]] int lock_contended(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                                std::uintptr_t frame) {
  if (is_own_and_returns(mutex) || is_free_soon(mutex)) return real::pthread_mutex_lock(mutex);
  wait_begins(mutex, LockKind::Mutex, Mode::Exclusive, {return_address, frame});
  const int result = real::pthread_mutex_lock(mutex);
  wait_ends();
  return result;
}

// Everything but the hot path: an unknown lock, call point or chain, and mutexes whose lock function can fail
// (errorcheck, robust, priority protocols, process-shared).
[[gnu::cold, gnu::noinline]] int lock_slow(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                           std::uintptr_t frame) {
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, {return_address, frame});
  const int result =
      looks_taken(mutex) ? lock_contended(mutex, return_address, frame) : real::pthread_mutex_lock(mutex);
  if (!acquired(result)) wait_failed(mutex);
  return result;
}

template <class Lock>
int timed_lock(pthread_mutex_t* mutex, CallPoint at, Lock lock) {
  timed_wait_begins(mutex, LockKind::Mutex, Mode::Exclusive);
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Timed, at);
  const int result = lock();
  wait_ends();
  if (!acquired(result)) wait_failed(mutex);
  return result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_mutex_init(pthread_mutex_t* mutex,
                                        const pthread_mutexattr_t* attributes) noexcept {
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
  // Two tail calls and nothing else: no register is saved, no frame made. A plain mutex's lock function does
  // not fail.
  if (__builtin_expect(is_plain(mutex) && mutex_words(mutex)[0] == tag_for(mutex) &&
                           push_if_known(mutex, mutex_words(mutex)[1], LockKind::Mutex, Mode::Exclusive, at),
                       1))
    return __builtin_expect(looks_taken(mutex), 0) ? lock_contended(mutex, at.return_address, at.frame)
                                                   : real::pthread_mutex_lock(mutex);
  return lock_slow(mutex, at.return_address, at.frame);
}

FAULTLINE_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_mutex_trylock(mutex);
  if (result == 0 && is_plain(mutex) && mutex_words(mutex)[0] == tag_for(mutex) &&
      push_if_known<true>(mutex, mutex_words(mutex)[1], LockKind::Mutex, Mode::Exclusive, at))
    return 0;
  if (acquired(result)) acquired_by_try(mutex, LockKind::Mutex, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  return timed_lock(mutex, FAULTLINE_CALL_POINT, [=] { return real::pthread_mutex_timedlock(mutex, until); });
}

FAULTLINE_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                             const timespec* until) noexcept {
  return timed_lock(mutex, FAULTLINE_CALL_POINT,
                    [=] { return real::pthread_mutex_clocklock(mutex, clock, until); });
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
