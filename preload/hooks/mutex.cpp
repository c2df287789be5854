// pthread_mutex_*: and through them std::mutex and its kin.
#include <errno.h>

#include "hooks/hook.h"
#include "sys/libc_locks.h"
#include "wait/server_wait.h"

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

// Most contended locks are free again before a wait could be published, let alone waited in the kernel. A
// wait must not begin unpublished, so the mutex is taken here or not at all.
bool is_taken_soon(pthread_mutex_t* mutex) {
  const ThreadState* thread = tls.active;
  if (thread == nullptr || libc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP ||
      thread->inlined_mutex_kinds < PTHREAD_MUTEX_TIMED_NP)
    return false;
  constexpr int kPauses = 8;
  for (int i = 0; i < kPauses; ++i) {
    __builtin_ia32_pause();
    if (!looks_taken(mutex) && libc::take(mutex, thread->tid)) return true;
  }
  return false;
}

// The lock's entry is on the held stack, but somebody has the lock.
[[gnu::cold, gnu::noinline]] int lock_contended(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                                std::uintptr_t frame) {
  if (is_taken_soon(mutex)) return 0;
  if (is_own_and_returns(mutex)) return real::pthread_mutex_lock(mutex);
  wait_begins(mutex, LockKind::Mutex, Mode::Exclusive, {return_address, frame});
  const int result = waits_as_server() ? lock_as_server(mutex) : real::pthread_mutex_lock(mutex);
  wait_ends();
  return result;
}

constexpr auto take_normal = [](pthread_mutex_t* mutex, int tid) { return libc::take(mutex, tid); };
constexpr auto take_recursive = [](pthread_mutex_t* mutex, int tid) {
  return libc::take_recursive(mutex, tid);
};

// Looks the acquisition up, takes the mutex if it is free and pushes it then. A mutex that nobody has locked
// before gets the name of what comes to life here; only once it is held, so that two first users cannot both
// write it. False where it is not free, or not known.
template <int kind, bool by_trylock, class Take>
[[gnu::always_inline]] inline bool take_inline(ThreadState* thread, pthread_mutex_t* mutex, CallPoint at,
                                               Take take) {
  if (__builtin_expect(thread == nullptr || kind > thread->inlined_mutex_kinds, 0)) return false;
  CallSite* site = known_site(thread, at);
  if (__builtin_expect(site == nullptr, 0)) return false;
  std::uint64_t* words = mutex_words(mutex);
  const std::uint64_t tag = words[0];
  const bool fresh = tag == 0;
  LockWord word{words[1]};
  if (__builtin_expect(tag != tag_for(mutex), 0)) {
    if (!fresh || !site->fresh) return false;
    word = site->fresh;
  }
  KnownAcquisition known;
  if (!is_known<by_trylock>(thread, *site, word, Mode::Exclusive, known)) return false;
  if (__builtin_expect(!take(mutex, thread->tid), 0)) return false;
  if (__builtin_expect(fresh, 0)) {
    words[1] = word.bits;
    __atomic_store_n(&words[0], tag_for(mutex), __ATOMIC_RELEASE);
    ++thread->fresh_locks;
  }
  push_known<by_trylock>(known, mutex, LockKind::Mutex, Mode::Exclusive);
  return true;
}

// The second tier: for a thread with a ring, which is read first.
[[gnu::noinline]] bool take_watched(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                    std::uintptr_t frame) {
  const CallPoint at{return_address, frame};
  switch (libc::kind_of(mutex)) {
    case PTHREAD_MUTEX_TIMED_NP:
      return take_inline<PTHREAD_MUTEX_TIMED_NP, false>(watched_thread(), mutex, at, take_normal);
    case PTHREAD_MUTEX_RECURSIVE_NP:
      return take_inline<PTHREAD_MUTEX_RECURSIVE_NP, false>(watched_thread(), mutex, at, take_recursive);
    default:
      return false;
  }
}

// What the hot path does not take inline: a mutex that is another's now, or of a kind whose lock function can
// fail; and everything new, an unknown lock, call point or chain. A thread with a ring comes here too.
[[gnu::noinline]] int lock_by_libc(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                   std::uintptr_t frame) {
  const CallPoint at{return_address, frame};
  if (__builtin_expect(tls.quick == nullptr, 0) && take_watched(mutex, return_address, frame)) return 0;
  const LockWord word = has_room(mutex, LockKind::Mutex) ? known_word(mutex)
                        : tls.active != nullptr          ? known_side_word(*tls.active, mutex)
                                                         : LockWord{};
  if (!push_if_known(mutex, word, LockKind::Mutex, Mode::Exclusive, at))
    before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  const int result =
      looks_taken(mutex) ? lock_contended(mutex, return_address, frame) : real::pthread_mutex_lock(mutex);
  if (__builtin_expect(!acquired(result), 0)) wait_failed(mutex);
  return result;
}

// A wait with a limit is none where the mutex is free.
bool take_free(pthread_mutex_t* mutex, CallPoint at) {
  if (libc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) return false;
  if (__builtin_expect(tls.quick == nullptr, 0)) return take_watched(mutex, at.return_address, at.frame);
  return take_inline<PTHREAD_MUTEX_TIMED_NP, false>(tls.quick, mutex, at, take_normal);
}

// Apart from the normal mutex's path, which it would burden with its registers.
[[gnu::noinline]] int lock_recursive(pthread_mutex_t* mutex, std::uintptr_t return_address,
                                     std::uintptr_t frame) {
  if (take_inline<PTHREAD_MUTEX_RECURSIVE_NP, false>(tls.quick, mutex, {return_address, frame},
                                                     take_recursive))
    return 0;
  return lock_by_libc(mutex, return_address, frame);
}

// Whether the hot path may give it up: it is the newest on the held stack, and libc would not refuse.
[[gnu::always_inline]] inline bool can_give_inline(const ThreadState* thread, const pthread_mutex_t* mutex,
                                                   int kind) {
  return thread != nullptr && thread->top[-1].address == mutex &&
         static_cast<unsigned>(kind) <= PTHREAD_MUTEX_RECURSIVE_NP && kind <= thread->inlined_mutex_kinds &&
         (kind != PTHREAD_MUTEX_RECURSIVE_NP || mutex->__data.__owner == thread->tid);
}

[[gnu::always_inline]] inline void give_inline(ThreadState* thread, pthread_mutex_t* mutex, int kind) {
  move_top<-1>(thread);
  if (__builtin_expect(kind == PTHREAD_MUTEX_TIMED_NP, 1))
    libc::give(mutex);
  else
    libc::give_recursive(mutex);
}

[[gnu::noinline]] bool give_watched(pthread_mutex_t* mutex) {
  const int kind = libc::kind_of(mutex);
  ThreadState* thread = watched_thread();
  if (!can_give_inline(thread, mutex, kind)) return false;
  give_inline(thread, mutex, kind);
  rest_if_idle(*thread);
  return true;
}

[[gnu::noinline]] int unlock_by_libc(pthread_mutex_t* mutex) {
  if (__builtin_expect(tls.quick == nullptr, 0) && give_watched(mutex)) return 0;
  const int kind = libc::kind_of(mutex);
  // First, where it can be: whoever gets the lock must not find it on this thread's held stack.
  const ThreadState* thread = tls.active;
  if (kind == PTHREAD_MUTEX_TIMED_NP || (thread != nullptr && mutex->__data.__owner == thread->tid)) {
    before_release(mutex);
    return real::pthread_mutex_unlock(mutex);
  }
  // May be refused (EPERM), and then nothing was released.
  const int result = real::pthread_mutex_unlock(mutex);
  if (result == 0) before_release(mutex);
  return result;
}

template <class Lock>
int timed_lock(pthread_mutex_t* mutex, CallPoint at, Lock lock) {
  timed_wait_begins(mutex, LockKind::Mutex, Mode::Exclusive);
  before_wait(mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Timed, at);
  const int result = lock();
  // First: an entry whose wait is no longer published as limited passes for a wait without end.
  if (!acquired(result)) wait_failed(mutex);
  wait_ends();
  return result;
}

[[gnu::noinline]] int init_by_libc(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes,
                                   std::uintptr_t return_address, std::uintptr_t frame) {
  const int result = real::pthread_mutex_init(mutex, attributes);
  if (result == 0) before_init(mutex, LockKind::Mutex, {return_address, frame});
  return result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_mutex_init(pthread_mutex_t* mutex,
                                        const pthread_mutexattr_t* attributes) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  ThreadState* thread = tls.active;
  const CallSite* site = thread != nullptr && attributes == nullptr && thread->inlined_mutex_kinds >= 0
                             ? known_site(thread, at)
                             : nullptr;
  if (site == nullptr || !site->fresh) return init_by_libc(mutex, attributes, at.return_address, at.frame);
  libc::make(mutex);
  mutex_words(mutex)[1] = site->fresh.bits;
  mutex_words(mutex)[0] = tag_for(mutex);
  ++thread->fresh_locks;
  return 0;
}

FAULTLINE_EXPORT int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  // Asked for before: libc marks a destroyed mutex. A busy one is refused and stays what it is.
  const bool is_kept_aside = !libc::is_plain(mutex) && !has_room(mutex, LockKind::Mutex);
  const int result = real::pthread_mutex_destroy(mutex);
  if (is_kept_aside && result == 0) lock_destroyed(mutex, LockKind::Mutex);
  return result;
}

FAULTLINE_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int kind = libc::kind_of(mutex);
  if (__builtin_expect(kind != PTHREAD_MUTEX_TIMED_NP, 0)) {
    if (kind == PTHREAD_MUTEX_RECURSIVE_NP) return lock_recursive(mutex, at.return_address, at.frame);
    return lock_by_libc(mutex, at.return_address, at.frame);
  }
  // Tail calls and nothing else: no register is saved, no frame made.
  if (__builtin_expect(take_inline<PTHREAD_MUTEX_TIMED_NP, false>(tls.quick, mutex, at, take_normal), 1))
    return 0;
  return lock_by_libc(mutex, at.return_address, at.frame);
}

FAULTLINE_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (libc::kind_of(mutex) == PTHREAD_MUTEX_TIMED_NP &&
      take_inline<PTHREAD_MUTEX_TIMED_NP, true>(ready_thread(), mutex, at, take_normal))
    return 0;
  const int result = real::pthread_mutex_trylock(mutex);
  if (acquired(result)) acquired_by_try(mutex, LockKind::Mutex, Mode::Exclusive, at);
  return result;
}

FAULTLINE_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (take_free(mutex, at)) return 0;
  return timed_lock(mutex, at, [=] { return real::pthread_mutex_timedlock(mutex, until); });
}

FAULTLINE_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                             const timespec* until) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (take_free(mutex, at)) return 0;
  return timed_lock(mutex, at, [=] { return real::pthread_mutex_clocklock(mutex, clock, until); });
}

FAULTLINE_EXPORT int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  const int kind = libc::kind_of(mutex);
  ThreadState* thread = tls.quick;
  if (__builtin_expect(!can_give_inline(thread, mutex, kind), 0)) return unlock_by_libc(mutex);
  give_inline(thread, mutex, kind);
  return 0;
}

FAULTLINE_ALIAS(__pthread_mutex_init, pthread_mutex_init);
FAULTLINE_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);
FAULTLINE_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);
FAULTLINE_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);
FAULTLINE_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);
