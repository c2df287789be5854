#include "record/acquisition.h"

#include "fault/fault_service.h"
#include "fault/storm.h"
#include "record/dependencies.h"
#include "record/leaf_locks.h"
#include "record/loader_calls.h"
#include "record/orphans.h"
#include "record/pause.h"
#include "record/stacks.h"
#include "record/subclass.h"
#include "record/thread_registry.h"
#include "record/unwinder.h"
#include "runtime.h"
#include "wait/lock_words.h"
#include "wait/wait_graph.h"

namespace faultline {
namespace {

constexpr std::uint32_t kMostPassed = sizeof ThreadState::passed / sizeof ThreadState::passed[0];

// An acquisition while the shim is at work for this thread: a signal handler's, which is then not recorded.
void passed_through(const volatile void* lock) {
  if (!shim_is_busy() || !recording()) return;
  trace.lose(Lost::Reentered);
  ThreadState& thread = *tls.state;
  if (thread.passed_count < kMostPassed) thread.passed[thread.passed_count++] = const_cast<const void*>(lock);
}

// Whether `lock`, now released, was taken by such an acquisition.
bool was_passed_through(ThreadState& thread, const volatile void* lock) {
  for (std::uint32_t i = thread.passed_count; i-- > 0;) {
    if (thread.passed[i] != lock) continue;
    thread.passed[i] = thread.passed[--thread.passed_count];
    return true;
  }
  return false;
}

// Whether taking `lock` while holding `held` of the same lock ends at once, without a wait: nothing to
// record.
bool returns_at_once(const HeldLock& held, const volatile void* lock, LockKind kind, Mode mode) {
  if (kind == LockKind::Mutex) {
    const int type = reinterpret_cast<const volatile pthread_mutex_t*>(lock)->__data.__kind & 3;
    return type == PTHREAD_MUTEX_RECURSIVE_NP || type == PTHREAD_MUTEX_ERRORCHECK_NP;
  }
  if (kind == LockKind::Loader) return true;  // both are recursive
  if (kind == LockKind::Rwlock)
    return held.mode == Mode::Exclusive || mode == Mode::SharedRecursive;  // EDEADLK; a second read
  return false;
}

// Whether nobody has it: not even the thread whose held stack says so.
bool is_free(const volatile void* lock, LockKind kind) {
  void* object = const_cast<void*>(lock);
  if (kind == LockKind::Mutex) return !looks_taken(static_cast<const pthread_mutex_t*>(object));
  if (kind == LockKind::Spin) return !looks_taken(static_cast<const pthread_spinlock_t*>(object));
  constexpr unsigned kWritePhase = 1;
  return kind == LockKind::Rwlock &&
         (__atomic_load_n(&static_cast<const pthread_rwlock_t*>(object)->__data.__readers, __ATOMIC_RELAXED) &
          ~kWritePhase) == 0;
}

// Locks that were made anew without being released, or released where no hook sees it: found out when one of
// them is taken again, they all leave the held stack, else each turn would leave its entries there, which
// every later acquisition looks at. Not what interrupted code is about to take, in whose wait this is a
// signal handler.
void drop_stale(ThreadState& thread, const volatile void* lock, LockKind kind) {
  if (find_held(thread, lock) == nullptr || !is_free(lock, kind) ||
      PublishedWait::is_waiting(thread.wait.sequence()))
    return;
  for (const HeldLock* held = thread.top; held-- != thread.base;) {
    LockWords words;
    if (held->kind != LockKind::Mutex && held->kind != LockKind::Rwlock && held->kind != LockKind::Spin)
      continue;
    const Awaited as_awaited{held->address, nullptr, held->kind, held->mode, false, StackId{}};
    if (copy_words(as_awaited, words) && is_free(&words, held->kind)) remove_held(thread, held->address);
  }
}

// The call site of `at`, once the loader's calls that are over have left the held stack.
CallSite& site_of(Guard& guard, CallPoint at) {
  drop_ended_loader_calls(guard.thread(), at.frame);
  return call_site(guard, at);
}

HeldLock describe(Guard& guard, const volatile void* lock, LockKind kind, Mode mode, CallSite& site) {
  const LockWord word = identify(guard, lock, kind, site);
  const std::uint64_t key =
      key_of_taken(guard.thread(), chain_key(top_key(guard.thread()), word, mode, site.key));
  return {const_cast<const void*>(lock), key, word, site.place, HeldId{}, kind, mode, false, false};
}

// Brings what the thread holds, and what it wants besides, to the names that its locks have from now on.
void tell_apart(ThreadState& thread, HeldLock& wanted) {
  tell_held_apart(thread);
  wanted.word = told_apart(wanted.address, wanted.kind, wanted.word);
  wanted.key = key_moved(
      wanted.key, chain_key(top_key(thread), wanted.word, wanted.mode, key_of_site(wanted.place.site)));
}

// Each order of classes between what is held and what is wanted; many of one class in a row count as one.
template <class Visit>
void for_class_orders(const ThreadState& thread, const HeldLock& wanted, Visit visit) {
  ClassId last;
  for (const HeldLock* held = thread.base; held != thread.top; ++held) {
    const ClassId lock_class = class_in(held->word);
    if (lock_class == last) continue;
    last = lock_class;
    if (ClassOrder* order = class_order(lock_class, class_in(wanted.word))) visit(*order, *held);
  }
}

}  // namespace

void record_wait(ThreadState& thread, HeldLock& wanted, WaitKind wait, Cause cause) {
  // First: an order that closes a cycle of classes makes them tell their locks apart.
  for_class_orders(thread, wanted, [](ClassOrder&, const HeldLock&) {});
  tell_apart(thread, wanted);
  const std::uint64_t key = mix(wanted.key, static_cast<std::uint64_t>(cause));
  if (already_recorded(thread, key)) return;
  const bool is_new =
      record_dependency(thread, thread, held_set(thread, thread), key,
                        Wait{wanted.word, wanted.kind, wanted.address, wanted.mode, wanted.place.stack, cause,
                             wait == WaitKind::Timed, true, subclass_of(wanted.key)});
  if (!is_new) return;
  count_fresh_locks(thread);
  if (!instance_in(wanted.word)) return;
  for_class_orders(thread, wanted, [](ClassOrder& order, const HeldLock& held) {
    if (instance_in(held.word)) count_dependency(order);
  });
}

namespace {

// A server's lock hangs below the faults it serves, also where it holds nothing else.
void take_as_server(Guard& guard, HeldLock& taken) {
  if (!guard.thread().is_server) return;
  tell_apart(guard.thread(), taken);
  server_acquires(guard, taken);
}

}  // namespace

void tell_held_apart(ThreadState& thread) {
  for (HeldLock* entry = thread.base; entry != thread.top; ++entry) {
    const LockWord word = held_told_apart(*entry);
    if (word == entry->word) continue;
    entry->word = word;
    renew_keys(thread, entry);
  }
}

namespace {

// A thread that takes a lock is one whose faults matter.
void push(ThreadState& thread, const HeldLock& taken) {
  if (!open_ring_if_wanted(thread) && ensure_trace(thread)) report_fault_sources(thread);
  push_held(thread, taken);
}

}  // namespace

void before_wait(const volatile void* lock, LockKind kind, Mode mode, WaitKind wait, CallPoint at,
                 Cause cause) {
  // Taken within a walk, and in the destructor of the unwinder's own thread-specific data.
  if (is_unwinders_own(lock) || is_leaf_lock(lock, at)) return;
  Guard guard;
  if (!guard) return passed_through(lock);
  ThreadState& thread = guard.thread();
  if (passes_unwatched(thread)) return;
  drop_stale(thread, lock, kind);
  if (thread.top == thread.base) storm_at_outermost(thread);
  CallSite& site = site_of(guard, at);
  HeldLock taken = describe(guard, lock, kind, mode, site);
  if (!taken.word) return;
  note_orphan_wait(guard, taken, wait == WaitKind::Timed);
  // Alone: whoever joins this thread while holding the lock waits for what waits here.
  const bool alone = thread.top == thread.base;
  if (!alone || thread.parent || queues_readers(lock, kind, mode)) {
    const HeldLock* held = find_held(thread, lock);
    if (held == nullptr || !returns_at_once(*held, lock, kind, mode)) record_wait(thread, taken, wait, cause);
  }
  take_as_server(guard, taken);
  thread.learn(taken.key);
  if (alone) site.alone = taken.word;
  push(thread, taken);
}

void acquired_by_try(const volatile void* lock, LockKind kind, Mode mode, CallPoint at) {
  Guard guard;
  if (!guard) return passed_through(lock);
  if (passes_unwatched(guard.thread())) return;
  if (guard.thread().top == guard.thread().base) storm_at_outermost(guard.thread());
  HeldLock entry = describe(guard, lock, kind, mode, site_of(guard, at));
  if (!entry.word) return;
  entry.by_trylock = true;
  push(guard.thread(), entry);
}

void before_release_slow(const volatile void* lock) {
  if (is_unwinders_own(lock) || is_leaf_lock(lock)) return;
  Guard guard;
  if (guard) {
    const void* address = const_cast<const void*>(lock);
    if (!remove_held(guard.thread(), address) && !gives_up_unwatched(guard.thread()) &&
        !release_for_holder(guard.thread(), address)) {
      forget_left_behind(lock);
      trace.lose(Lost::Foreign);
    }
    return;
  }
  // A signal handler gives up a lock that the interrupted code took: it leaves the held stack when the shim
  // is done with it.
  if (!shim_is_busy()) return;
  ThreadState& thread = *tls.state;
  // Not what the interrupted code is about to take, which is on the stack already.
  if (was_passed_through(thread, lock)) return;
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry) {
    if (entry->address != lock || thread.deferred_count == sizeof thread.deferred / sizeof thread.deferred[0])
      continue;
    thread.deferred[thread.deferred_count++] = const_cast<const void*>(lock);
    return;
  }
}

void before_init(const volatile void* lock, LockKind kind, CallPoint at) {
  Guard guard;
  if (guard) lock_initialised(guard, lock, kind, call_site(guard, at));
}

bool before_condition_wait(const volatile void* mutex, CallPoint at, LockKind kind) {
  Guard guard;
  if (!guard) return true;
  ThreadState& thread = guard.thread();
  const bool was_held = remove_held(thread, const_cast<const void*>(mutex)) || gives_up_unwatched(thread);
  if (thread.is_server) server_is_idle(thread);
  if (thread.top != thread.base && thread.paused == 0) {
    HeldLock again = describe(guard, mutex, kind, Mode::Exclusive, site_of(guard, at));
    record_wait(thread, again, WaitKind::Blocking, Cause::Relock);
  }
  return was_held;
}

void after_condition_wait(const volatile void* mutex, CallPoint at, LockKind kind) {
  Guard guard;
  if (!guard) return passed_through(mutex);
  if (passes_unwatched(guard.thread())) return;
  HeldLock taken = describe(guard, mutex, kind, Mode::Exclusive, site_of(guard, at));
  if (!taken.word) return;
  take_as_server(guard, taken);
  taken.by_relock = true;
  push(guard.thread(), taken);
}

}  // namespace faultline
