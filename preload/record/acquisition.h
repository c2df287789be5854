// What a lock hook calls: before and after an acquisition, before a release. The hot path is inline here;
// everything else is cold.
//
//   blocking lock that cannot fail:   before_wait(...); return real::lock(...)
//   blocking lock that can:           before_wait(...); result = real::lock(...); if (failed)
//   wait_failed(...) try lock:                         result = real::trylock(...); if (got it)
//   acquired_by_try(...) unlock:                           before_release(...); return real::unlock(...)
//
// Any thread, any time, also in signal handlers. The lock is pushed on the held stack before its wait begins,
// so that a thread that never returns has told why. Nothing here blocks, allocates from the program's heap,
// or changes errno.
#pragma once

#include "record/guard.h"
#include "record/held_stack.h"
#include "record/lock_identity.h"

namespace faultline {

enum class WaitKind : std::uint8_t { Blocking, Timed };

// Hot: an acquisition at a known call point, with nothing held or with a known chain, only pushes. `word`:
// the lock's identity word, whose tag the caller has checked. A trylock waits for nothing, so its chain need
// not be known; `even_alone`: it must be known also where nothing is held. False: take the slow path. Touches
// thread-local state only.
template <bool by_trylock = false>
[[gnu::always_inline]] inline bool push_if_known(const volatile void* address, std::uint64_t word,
                                                 LockKind kind, Mode mode, CallPoint at,
                                                 bool even_alone = false) {
  ThreadState* thread = tls.active;
  if (__builtin_expect(thread == nullptr, 0)) return false;
  const CallSite& site = thread->call_sites[call_site_index(at)];
  if (__builtin_expect(!site.matches(at), 0)) return false;
  HeldLock* top = thread->top;
  if (__builtin_expect(top >= thread->limit, 0)) return false;
  const LockId lock{static_cast<std::uint32_t>(word >> 32)};
  const bool alone = top == thread->base;
  const std::uint64_t key = chain_key(alone ? 0 : top[-1].key, lock, mode, site.place.site);
  if (!by_trylock && (!alone || even_alone) &&
      __builtin_expect(thread->known[key % ThreadState::kKnownKeys] != key, 0))
    return false;
  // Word by word: the lock operation that follows waits for every store made here, and a copy through a
  // temporary costs a store-forwarding stall besides.
  const auto fill = [&] {
    top->address = const_cast<const void*>(address);
    top->key = key;
    top->lock = lock;
    top->node = HeldId{};
    top->place = site.place;
    top->kind = kind;
    top->mode = mode;
    top->by_trylock = by_trylock;
  };
  fill();
  thread->top = top + 1;
  // A signal handler that ran between the stores has pushed and popped its own entry in this place.
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (__builtin_expect(__atomic_load_n(&top->key, __ATOMIC_RELAXED) != key, 0)) fill();
  return true;
}

// Whether a wait for this lock matters to others even by a thread that holds nothing: it makes fair readers
// queue, and so blocks them behind a shared hold.
inline bool queues_readers(const volatile void* lock, LockKind kind, Mode mode) {
  return kind == LockKind::Rwlock && mode == Mode::Exclusive &&
         reader_mode(static_cast<const pthread_rwlock_t*>(const_cast<const void*>(lock))) == Mode::SharedFair;
}

// Slow paths. `lock` must be a live lock of `kind`.
[[gnu::cold]] void before_wait(const volatile void* lock, LockKind kind, Mode mode, WaitKind wait,
                               CallPoint at, Cause cause = Cause::Call);
void acquired_by_try(const volatile void* lock, LockKind kind, Mode mode, CallPoint at);
[[gnu::cold]] void before_release_slow(const volatile void* lock);
void before_init(const volatile void* lock, LockKind kind, CallPoint at);

// Hot: the lock leaves the held stack.
[[gnu::always_inline]] inline void before_release(const volatile void* lock) {
  ThreadState* thread = tls.active;
  if (__builtin_expect(thread != nullptr && thread->top != thread->base && thread->top[-1].address == lock,
                       1)) {
    --thread->top;
    return;
  }
  before_release_slow(lock);
}

// The wait announced by before_wait did not end in an acquisition.
inline void wait_failed(const volatile void* lock) {
  before_release(lock);
}

// A condition wait gives its mutex up and takes it again. The dependency of the relock is recorded before the
// wait. Whether the mutex was seen to be held.
bool before_condition_wait(const volatile void* mutex, CallPoint at, LockKind kind = LockKind::Mutex);
void after_condition_wait(const volatile void* mutex, CallPoint at, LockKind kind = LockKind::Mutex);

}  // namespace faultline
