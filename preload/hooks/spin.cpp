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

int lock_by_libc(pthread_spinlock_t* lock, CallPoint at) {
  if (!looks_taken(lock)) return real::pthread_spin_lock(lock);
  wait_begins(lock, LockKind::Spin, Mode::Exclusive, at);
  const int result = real::pthread_spin_lock(lock);
  wait_ends();
  return result;
}

[[gnu::cold, gnu::noinline]] int lock_slow(pthread_spinlock_t* lock, std::uintptr_t return_address,
                                           std::uintptr_t frame) {
  before_wait(lock, LockKind::Spin, Mode::Exclusive, WaitKind::Blocking, {return_address, frame});
  return lock_by_libc(lock, {return_address, frame});
}

}  // namespace

FAULTLINE_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  ThreadState* thread = tls.active;
  const LockWord word = thread != nullptr ? known_side_word(*thread, lock) : LockWord{};
  const CallSite* site = word ? known_site(thread, at) : nullptr;
  KnownAcquisition known;
  if (__builtin_expect(site == nullptr || !is_known(thread, *site, word, Mode::Exclusive, known), 0))
    return lock_slow(lock, at.return_address, at.frame);
  const bool taken = libc::inlines_others && libc::take(lock);
  push_known(known, lock, LockKind::Spin, Mode::Exclusive);
  return __builtin_expect(taken, 1) ? 0 : lock_by_libc(lock, at);
}

FAULTLINE_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int result = real::pthread_spin_trylock(lock);
  if (result == 0) acquired_by_try(lock, LockKind::Spin, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  before_release(lock);
  if (__builtin_expect(!libc::inlines_others, 0)) return real::pthread_spin_unlock(lock);
  libc::give(lock);
  return 0;
}
