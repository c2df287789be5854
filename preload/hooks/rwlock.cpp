// pthread_rwlock_*: and through them std::shared_mutex and std::shared_timed_mutex.
#include "hooks/hook.h"
#include "sys/libc_locks.h"

using namespace faultline;

namespace {

// What the rwlock is called; 0: not known.
[[gnu::always_inline]] inline LockWord known_word(pthread_rwlock_t* lock) {
  if (__builtin_expect(lock->__data.__shared != 0, 0))
    return tls.active != nullptr ? known_side_word(*tls.active, lock) : LockWord{};
  return *rwlock_tag(lock) == tag_for(lock) ? LockWord{*rwlock_word(lock)} : LockWord{};
}

// An rwlock that prefers readers and belongs to this process: the one kind that is taken inline.
[[gnu::always_inline]] inline bool is_simple(const ThreadState* thread, const pthread_rwlock_t* lock) {
  return thread->inlines_others && (lock->__data.__flags | lock->__data.__shared) == 0;
}

constexpr auto take_shared = [](pthread_rwlock_t* lock, int) { return libc::take_shared(lock); };
constexpr auto take_exclusive = [](pthread_rwlock_t* lock, int tid) {
  return libc::take_exclusive(lock, tid);
};

// Looks the acquisition up, takes the lock if it can be had at once, and pushes it then.
template <class Take>
[[gnu::always_inline]] inline bool take_inline(ThreadState* thread, pthread_rwlock_t* lock, Mode mode,
                                               CallPoint at, Take take) {
  if (__builtin_expect(thread == nullptr || !is_simple(thread, lock) || *rwlock_tag(lock) != tag_for(lock),
                       0))
    return false;
  const CallSite* site = known_site(thread, at);
  KnownAcquisition known;
  if (site == nullptr || !is_known(thread, *site, LockWord{*rwlock_word(lock)}, mode, known) ||
      !take(lock, thread->tid))
    return false;
  push_known(known, lock, LockKind::Rwlock, mode);
  return true;
}

template <class Lock>
[[gnu::cold, gnu::noinline]] int lock_contended(pthread_rwlock_t* lock, Mode mode, CallPoint at, Lock take) {
  wait_begins(lock, LockKind::Rwlock, mode, at);
  const int result = take(lock);
  wait_ends();
  return result;
}

// What the hot path did not take.
template <class Take, class Lock>
[[gnu::noinline]] int blocking(pthread_rwlock_t* lock, Mode mode, std::uintptr_t return_address,
                               std::uintptr_t frame, Take take_at_once, Lock take) {
  const CallPoint at{return_address, frame};
  if (__builtin_expect(tls.quick == nullptr, 0) &&
      take_inline(watched_thread(), lock, mode, at, take_at_once))
    return 0;
  if (!push_if_known(lock, known_word(lock), LockKind::Rwlock, mode, at,
                     queues_readers(lock, LockKind::Rwlock, mode)))
    before_wait(lock, LockKind::Rwlock, mode, WaitKind::Blocking, at);
  const int result =
      __builtin_expect(looks_taken(lock, mode), 0) ? lock_contended(lock, mode, at, take) : take(lock);
  if (__builtin_expect(result != 0, 0)) wait_failed(lock);
  return result;
}

int tried(pthread_rwlock_t* lock, Mode mode, CallPoint at, int result) {
  if (result != 0) return result;
  if (!push_if_known<true>(lock, known_word(lock), LockKind::Rwlock, mode, at))
    acquired_by_try(lock, LockKind::Rwlock, mode, at);
  return 0;
}

template <class Lock>
int timed(pthread_rwlock_t* lock, Mode mode, CallPoint at, Lock take) {
  timed_wait_begins(lock, LockKind::Rwlock, mode);
  before_wait(lock, LockKind::Rwlock, mode, WaitKind::Timed, at);
  const int result = take();
  if (result != 0) wait_failed(lock);
  wait_ends();
  return result;
}

// Apart from the hot path, which it would burden with its registers.
[[gnu::noinline]] int read_by_libc(pthread_rwlock_t* lock, std::uintptr_t return_address,
                                   std::uintptr_t frame) {
  return blocking(lock, reader_mode(lock), return_address, frame, take_shared,
                  [](pthread_rwlock_t* l) { return real::pthread_rwlock_rdlock(l); });
}

// Gives up what lies newest on `thread`'s held stack.
[[gnu::always_inline]] inline int unlock_newest(ThreadState* thread, pthread_rwlock_t* lock) {
  const bool shared = is_shared(thread->top[-1].mode);
  move_top<-1>(thread);
  if (is_simple(thread, lock)) {
    if (shared) {
      if (libc::give_shared(lock)) return 0;
    } else if (lock->__data.__cur_writer == thread->tid) {
      libc::give_exclusive(lock);
      return 0;
    }
  }
  return real::pthread_rwlock_unlock(lock);
}

[[gnu::noinline]] int unlock_by_libc(pthread_rwlock_t* lock) {
  ThreadState* thread = watched_thread();
  if (thread != nullptr && thread->top[-1].address == lock) {
    const int result = unlock_newest(thread, lock);
    rest_if_idle(*thread);
    return result;
  }
  before_release(lock);
  return real::pthread_rwlock_unlock(lock);
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
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (__builtin_expect(take_inline(tls.quick, lock, Mode::SharedRecursive, at, take_shared), 1)) return 0;
  return read_by_libc(lock, at.return_address, at.frame);
}

FAULTLINE_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (__builtin_expect(take_inline(tls.quick, lock, Mode::Exclusive, at, take_exclusive), 1)) return 0;
  return blocking(lock, Mode::Exclusive, at.return_address, at.frame, take_exclusive,
                  [](pthread_rwlock_t* l) { return real::pthread_rwlock_wrlock(l); });
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
  ThreadState* thread = tls.quick;
  if (__builtin_expect(thread == nullptr || thread->top[-1].address != lock, 0)) return unlock_by_libc(lock);
  return unlock_newest(thread, lock);
}

FAULTLINE_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);
FAULTLINE_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);
FAULTLINE_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);
FAULTLINE_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);
FAULTLINE_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);
FAULTLINE_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);
FAULTLINE_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);
