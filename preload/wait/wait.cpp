#include "wait/wait.h"

#include "fault/contexts.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "wait/deadlock_report.h"
#include "wait/stall.h"
#include "wait/wait_graph.h"

namespace faultline {
namespace {

// How many threads wait for another one's end: then a thread that holds no lock can be part of a cycle, too.
constinit std::atomic<int> joiners{0};

bool find_any(ThreadState& thread, Deadlock& found) {
  WalkEnd end;
  if (find_cycle(thread, found, end) || find_ended_holder(thread, found)) return true;
  Waiter waiter;
  // Behind a lock that a running thread holds there is no stall.
  const bool may_stall =
      waits_for_good(thread, waiter) &&
      (end == WalkEnd::Idle || (words_of(waiter.wait.kind) == 0 && !waiter.wait.is_condition()));
  return may_stall && find_stall(thread, false, found);
}

// The common case of a contended mutex: its owner is there, does not wait, and wants nothing of this
// thread's.
bool owner_runs(const ThreadState& thread, const pthread_mutex_t* mutex) {
  const int tid = __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
  // Just given up, or just taken: whoever takes it will look for itself.
  if (tid == 0) return true;
  const ThreadState* owner = thread_by_tid(tid);
  if (owner == nullptr || owner == &thread || PublishedWait::is_waiting(owner->wait.sequence())) return false;
  if (any_fault_context()) return false;
  const HeldLock* top = __atomic_load_n(&owner->top, __ATOMIC_RELAXED);
  if (!is_in_state(*owner, top)) return false;
  // Null where it holds nothing: the entry below the first.
  const void* newest = __atomic_load_n(&top[-1].address, __ATOMIC_RELAXED);
  for (const HeldLock* own = thread.base; own + 1 < thread.top; ++own)
    if (own->address == newest) return false;
  return true;
}

void look(ThreadState& thread, const volatile void* object, LockKind kind, bool condition) {
  const bool holds_nothing =
      thread.top - thread.base <= 1 && !thread.is_server && joiners.load(std::memory_order_relaxed) == 0;
  if (!condition && kind == LockKind::Mutex &&
      owner_runs(thread, static_cast<const pthread_mutex_t*>(const_cast<const void*>(object))))
    return;
  if (!condition && kind == LockKind::Spin && holds_nothing && !anything_left_behind()) return;
  watch_for_deadlock(find_any);
}

void begin(const Awaited& what, CallPoint at, bool needs_stack) {
  ThreadState* thread = tls.active;
  if (thread == nullptr) return;
  Awaited published = what;
  if (needs_stack) {
    Guard guard;
    if (guard) published.stack = call_site(guard, at).place.stack;
  }
  thread->wait.begin(published);
  if (what.timed) return;
  if (!what.is_condition() && what.kind == LockKind::Thread) joiners.fetch_add(1, std::memory_order_relaxed);
  // Of two threads that begin to wait for each other at least one sees the other do so.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  look(*thread, what.object, what.kind, what.is_condition());
}

}  // namespace

void wait_begins(const volatile void* object, LockKind kind, Mode mode, CallPoint at) {
  const ThreadState* thread = tls.active;
  if (thread == nullptr) return;
  const bool is_pushed = thread->top != thread->base && thread->top[-1].address == object;
  begin({object, nullptr, kind, mode, false, StackId{}}, at, !is_pushed);
}

bool own_lock_wait_begins(const volatile void* lock, Mode mode) {
  ThreadState* thread = tls.active;
  if (thread == nullptr || thread->top == thread->base || thread->top[-1].address != lock) return false;
  if (thread->top - thread->base <= 1 && !thread->is_server && joiners.load(std::memory_order_relaxed) == 0)
    return false;
  {
    Guard guard;
    if (!guard || !is_held_against(guard.thread(), lock, mode)) return false;
  }
  thread->wait.begin({lock, nullptr, LockKind::Custom, mode, false, StackId{}});
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Such a lock may be released by anybody, or left by who ends: only a cycle says something.
  watch_for_deadlock([](ThreadState& walker, Deadlock& found) {
    WalkEnd end;
    return find_cycle(walker, found, end);
  });
  return true;
}

void timed_wait_begins(const volatile void* object, LockKind kind, Mode mode) {
  begin({object, nullptr, kind, mode, true, StackId{}}, CallPoint{}, false);
}

void condition_wait_begins(const pthread_cond_t* condition, const pthread_mutex_t* mutex, WaitKind wait,
                           CallPoint at) {
  begin({condition, mutex, LockKind::Mutex, Mode::Exclusive, wait == WaitKind::Timed, StackId{}}, at,
        wait == WaitKind::Blocking);
}

void wait_ends() {
  ThreadState* thread = tls.active;
  if (thread == nullptr) return;
  Waiter waiter;
  if (waits_for_good(*thread, waiter) && !waiter.wait.is_condition() && waiter.wait.kind == LockKind::Thread)
    joiners.fetch_sub(1, std::memory_order_relaxed);
  thread->wait.end();
}

void thread_ends(ThreadState& thread) {
  if (!recording()) return;
  thread.wait.reset();
  Deadlock found;
  const auto find = [](ThreadState& leaver, Deadlock& what) {
    return find_left_behind(leaver, what) || find_stall(leaver, true, what);
  };
  if (find(thread, found)) deadlock_found(thread, found, find);
}

}  // namespace faultline
