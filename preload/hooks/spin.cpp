// pthread_spin_*: four bytes have no room for a name, so each thread remembers those of the last few.
#include "hooks/hook.h"
#include "sys/libc_locks.h"

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

namespace {

// Everything but a known acquisition of a lock that is free.
[[gnu::noinline]] int lock_by_libc(pthread_spinlock_t* lock, std::uintptr_t return_address,
                                   std::uintptr_t frame) {
  const CallPoint at{return_address, frame};
  const LockWord word = tls.active != nullptr ? known_side_word(*tls.active, lock) : LockWord{};
  if (!push_if_known(lock, word, LockKind::Spin, Mode::Exclusive, at))
    before_wait(lock, LockKind::Spin, Mode::Exclusive, WaitKind::Blocking, at);
  if (!looks_taken(lock)) return real::pthread_spin_lock(lock);
  wait_begins(lock, LockKind::Spin, Mode::Exclusive, at);
  const int result = real::pthread_spin_lock(lock);
  wait_ends();
  return result;
}

[[gnu::noinline]] int unlock_by_libc(pthread_spinlock_t* lock) {
  before_release(lock);
  return real::pthread_spin_unlock(lock);
}

}  // namespace

FAULTLINE_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  ThreadState* thread = tls.quick;
  const LockWord word = thread != nullptr ? known_side_word(*thread, lock) : LockWord{};
  const CallSite* site = word ? known_site(thread, at) : nullptr;
  KnownAcquisition known;
  if (__builtin_expect(site == nullptr || !thread->inlines_others ||
                           !is_known(thread, *site, word, Mode::Exclusive, known) || !libc::take(lock),
                       0))
    return lock_by_libc(lock, at.return_address, at.frame);
  push_known(known, lock, LockKind::Spin, Mode::Exclusive);
  return 0;
}

FAULTLINE_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_spin_trylock(lock);
  if (result == 0) acquired_by_try(lock, LockKind::Spin, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  ThreadState* thread = tls.quick;
  if (__builtin_expect(thread == nullptr || thread->top[-1].address != lock || !thread->inlines_others, 0))
    return unlock_by_libc(lock);
  move_top<-1>(thread);
  libc::give(lock);
  return 0;
}
