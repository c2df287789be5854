#include "record/acquisition.h"

#include "fault/fault_service.h"
#include "record/dependencies.h"
#include "record/stacks.h"
#include "record/unwinder.h"
#include "runtime.h"
#include "wait/wait_graph.h"

namespace faultline {
namespace {

// An acquisition while the shim is at work for this thread: libunwind's own mutex, or a signal handler's,
// which is then not recorded.
void passed_through() {
  if (shim_is_busy() && recording()) trace.lose(Lost::Reentered);
}

// Whether taking `lock` while holding `held` of the same lock ends at once, without a wait: nothing to
// record.
bool returns_at_once(const HeldLock& held, const volatile void* lock, LockKind kind, Mode mode) {
  if (kind == LockKind::Mutex) {
    const int type = reinterpret_cast<const volatile pthread_mutex_t*>(lock)->__data.__kind & 3;
    return type == PTHREAD_MUTEX_RECURSIVE_NP || type == PTHREAD_MUTEX_ERRORCHECK_NP;
  }
  if (kind == LockKind::Rwlock)
    return held.mode == Mode::Exclusive || mode == Mode::SharedRecursive;  // EDEADLK; a second read
  return false;
}

HeldLock describe(Guard& guard, const volatile void* lock, LockKind kind, Mode mode, CallPoint at) {
  const CallSite& site = call_site(guard, at);
  const LockId id = identify(guard, lock, kind, site.place.stack);
  const std::uint64_t key = chain_key(top_key(guard.thread()), id, mode, site.place.site);
  return {const_cast<const void*>(lock), key, id, HeldId{}, site.place, kind, mode, false};
}

void record_wait(ThreadState& thread, const HeldLock& entry, WaitKind wait, Cause cause) {
  const std::uint64_t key = mix(entry.key, static_cast<std::uint64_t>(cause));
  if (already_recorded(thread, key)) return;
  record_dependency(thread, thread, held_set(thread, thread), key,
                    Wait{entry.lock, entry.kind, entry.address, entry.mode, entry.place.stack, cause,
                         wait == WaitKind::Timed});
}

}  // namespace

void before_wait(const volatile void* lock, LockKind kind, Mode mode, WaitKind wait, CallPoint at,
                 Cause cause) {
  // Taken within a walk, and in the destructor of the unwinder's own thread-specific data.
  if (is_unwinders_own(lock)) return;
  Guard guard;
  if (!guard) return passed_through();
  ThreadState& thread = guard.thread();
  const HeldLock taken = describe(guard, lock, kind, mode, at);
  if (!taken.lock) return;
  // Alone: whoever joins this thread while holding the lock waits for what waits here.
  if (thread.top != thread.base || thread.parent || queues_readers(lock, kind, mode)) {
    const HeldLock* held = find_held(thread, taken.lock);
    if (held == nullptr || !returns_at_once(*held, lock, kind, mode)) record_wait(thread, taken, wait, cause);
    thread.known[taken.key % ThreadState::kKnownKeys] = taken.key;
  }
  if (thread.is_server) server_acquires(guard, taken);
  push_held(thread, taken);
}

void acquired_by_try(const volatile void* lock, LockKind kind, Mode mode, CallPoint at) {
  Guard guard;
  if (!guard) return passed_through();
  HeldLock entry = describe(guard, lock, kind, mode, at);
  if (!entry.lock) return;
  entry.by_trylock = true;
  push_held(guard.thread(), entry);
}

void before_release_slow(const volatile void* lock) {
  if (is_unwinders_own(lock)) return;
  Guard guard;
  if (guard) {
    const void* address = const_cast<const void*>(lock);
    if (!remove_held(guard.thread(), address) && !release_for_holder(guard.thread(), address)) {
      forget_left_behind(lock);
      trace.lose(Lost::Foreign);
    }
    return;
  }
  // A signal handler gives up a lock that the interrupted code took: it leaves the held stack when the shim
  // is done with it.
  if (!shim_is_busy()) return;
  ThreadState& thread = *tls.state;
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry) {
    if (entry->address != lock || thread.deferred_count == sizeof thread.deferred / sizeof thread.deferred[0])
      continue;
    thread.deferred[thread.deferred_count++] = const_cast<const void*>(lock);
    return;
  }
}

void before_init(const volatile void* lock, LockKind kind, CallPoint at) {
  Guard guard;
  if (guard) lock_initialised(guard, lock, kind, call_site(guard, at).place.stack);
}

bool before_condition_wait(pthread_mutex_t* mutex, CallPoint at) {
  Guard guard;
  if (!guard) return true;
  ThreadState& thread = guard.thread();
  const bool was_held = remove_held(thread, mutex);
  if (thread.is_server) server_is_idle(thread);
  if (thread.top != thread.base)
    record_wait(thread, describe(guard, mutex, LockKind::Mutex, Mode::Exclusive, at), WaitKind::Blocking,
                Cause::Relock);
  return was_held;
}

void after_condition_wait(pthread_mutex_t* mutex, CallPoint at) {
  Guard guard;
  if (!guard) return passed_through();
  const HeldLock taken = describe(guard, mutex, LockKind::Mutex, Mode::Exclusive, at);
  if (!taken.lock) return;
  if (guard.thread().is_server) server_acquires(guard, taken);
  push_held(guard.thread(), taken);
}

}  // namespace faultline
