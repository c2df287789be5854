// What a lock hook calls: before and after an acquisition, before a release. The hot path is inline here;
// everything else is cold.
//
//   blocking lock that cannot fail:   before_wait(...); return real::lock(...)
//   blocking lock that can:           before_wait(...); result = real::lock(...); if (failed)
//   wait_failed(...) try lock:                         result = real::trylock(...); if (got it)
//   acquired_by_try(...) unlock:                           before_release(...); return real::unlock(...)
//
// Any thread, any time, also in signal handlers. The lock is pushed on the held stack before its wait begins,
// so that a thread that never returns has told why; only a lock that was free, and is taken without a wait,
// is pushed once it is held. Nothing here blocks, allocates from the program's heap, or changes errno.
#pragma once

#include "fault/thread_faults.h"
#include "record/guard.h"
#include "record/held_stack.h"
#include "record/lock_identity.h"

namespace faultline {

enum class WaitKind : std::uint8_t { Blocking, Timed };

// An acquisition that the hot path has looked up: nothing of it is new.
struct KnownAcquisition {
  ThreadState* thread;
  const CallSite* site;
  LockWord word;
  std::uint64_t key;
};

// Hot: the call point as the calling thread knows it; null: take the slow path.
[[gnu::always_inline]] inline CallSite* known_site(ThreadState* thread, CallPoint at) {
  const std::uint64_t number = at.number();
  CallSite* site = &thread->site_at(number);
  asm("" : "+r"(site));  // one register for all its parts
  return __builtin_expect(site->matches(number, at.frame), 1) ? site : nullptr;
}

// Hot: whether an acquisition at a known call point, by a thread with room on its held stack, needs no
// record: its chain is known, or nothing is held and the lock is the one last taken here so. A trylock waits
// for nothing, so its chain need not be known. `even_alone`: the chain must be known also where nothing is
// held. Touches thread-local state only.
template <bool by_trylock = false>
[[gnu::always_inline]] inline bool is_known(ThreadState* thread, const CallSite& site, LockWord word,
                                            Mode mode, KnownAcquisition& known, bool even_alone = false) {
  HeldLock* top = thread->top;
  if (__builtin_expect(top >= thread->limit, 0)) return false;
  const std::uint64_t key = chain_key(top[-1].key, word, mode, site.key);
  if (!by_trylock && (top != thread->base || word != site.alone || even_alone) &&
      __builtin_expect(!thread->knows(key), 0))
    return false;
  known = {thread, &site, word, key};
  return true;
}

// Hot: one instruction, so that a signal handler finds the top before or after it, and what the handler does
// to it stays.
template <int entries>
[[gnu::always_inline]] inline void move_top(ThreadState* thread) {
  asm volatile("addq %1, %0"
               : "+m"(thread->top)
               : "i"(entries * static_cast<int>(sizeof(HeldLock)))
               : "cc", "memory");
}

// Hot: pushes it.
template <bool by_trylock = false>
[[gnu::always_inline]] inline void push_known(const KnownAcquisition& known, const volatile void* address,
                                              LockKind kind, Mode mode) {
  // Word by word: the lock operation that follows waits for every store made here, and a copy through a
  // temporary costs a store-forwarding stall besides.
  const auto fill = [&](HeldLock* entry, std::uint64_t key) {
    // First: a signal handler that comes after it and uses this place leaves another key there.
    entry->key = key;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    entry->address = const_cast<const void*>(address);
    entry->word = known.word;
    __builtin_memcpy(&entry->place, &known.site->place, sizeof entry->place);
    // One word: no node yet, kind, mode, by_trylock and by_relock.
    const std::uint64_t how = static_cast<std::uint64_t>(kind) << 32 |
                              static_cast<std::uint64_t>(mode) << 40 |
                              static_cast<std::uint64_t>(by_trylock) << 48;
    __builtin_memcpy(reinterpret_cast<char*>(entry) + offsetof(HeldLock, node), &how, sizeof how);
  };
  fill(known.thread->top, known.key);
  move_top<1>(known.thread);
  // A signal handler that ran in between has pushed and popped its own entry in this place, or taken one
  // below off the stack.
  HeldLock* pushed = known.thread->top - 1;
  if (__builtin_expect(pushed->key != known.key, 0))
    fill(pushed, chain_key(pushed[-1].key, known.word, mode, known.site->key));
}

// Hot: both. `word`: what the lock is called; 0, as of one whose tag is not its own, is never known.
template <bool by_trylock = false>
[[gnu::always_inline]] inline bool push_if_known(const volatile void* address, LockWord word, LockKind kind,
                                                 Mode mode, CallPoint at, bool even_alone = false) {
  ThreadState* thread = ready_thread();
  if (__builtin_expect(thread == nullptr || !word, 0)) return false;
  const CallSite* site = known_site(thread, at);
  KnownAcquisition known;
  if (site == nullptr || !is_known<by_trylock>(thread, *site, word, mode, known, even_alone)) return false;
  push_known<by_trylock>(known, address, kind, mode);
  return true;
}

// Whether a wait for this lock matters to others even by a thread that holds nothing: it makes fair readers
// queue, and so blocks them behind a shared hold.
inline bool queues_readers(const volatile void* lock, LockKind kind, Mode mode) {
  return kind == LockKind::Rwlock && mode == Mode::Exclusive &&
         reader_mode(static_cast<const pthread_rwlock_t*>(const_cast<const void*>(lock))) == Mode::SharedFair;
}

// Records that `thread`, which is the caller within a guarded section, waits for `wanted` with all it holds.
// Brings the word and key of `wanted` up to date; it need not be pushed afterwards.
void record_wait(ThreadState& thread, HeldLock& wanted, WaitKind wait, Cause cause);

// Slow paths. `lock` must be a live lock of `kind`.
[[gnu::cold]] void before_wait(const volatile void* lock, LockKind kind, Mode mode, WaitKind wait,
                               CallPoint at, Cause cause = Cause::Call);
void acquired_by_try(const volatile void* lock, LockKind kind, Mode mode, CallPoint at);
[[gnu::cold]] void before_release_slow(const volatile void* lock);
// Brings what the thread holds to the names that its locks have from now on: told apart, or not. The thread
// itself, or one that acts for it while the kernel has stopped it in a fault.
void tell_held_apart(ThreadState& thread);
void before_init(const volatile void* lock, LockKind kind, CallPoint at);

// Hot: the lock leaves the held stack, if it is the newest one there.
[[gnu::always_inline]] inline bool pop_if_newest(const volatile void* lock) {
  ThreadState* thread = ready_thread();
  // The entry below the first has no address.
  if (__builtin_expect(thread == nullptr || thread->top[-1].address != lock, 0)) return false;
  move_top<-1>(thread);
  return true;
}
[[gnu::always_inline]] inline void before_release(const volatile void* lock) {
  if (!pop_if_newest(lock)) before_release_slow(lock);
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
