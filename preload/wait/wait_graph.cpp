#include "wait/wait_graph.h"

#include "fault/contexts.h"
#include "fault/pending_faults.h"
#include "fault/service_events.h"
#include "fault/unseen_faults.h"
#include "record/held_stack.h"
#include "record/lock_identity.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "wait/lock_words.h"

namespace faultline {
namespace {

// The service of a fault that nobody has read of yet. Asked for only by a server that has waited for a while:
// the kernel must be asked.
LockId service_of_unread_fault(const ThreadState& walker, const ThreadState& thread) {
  return walker.waits_in_steps && &walker != &thread ? service_of_sleep(thread) : LockId{};
}

// A thread in a fault has published nothing of its own, and is not about to take what it pushed last.
bool is_in_fault(const ThreadState& walker, const ThreadState& thread) {
  return any_fault_context() &&
         (pending_fault_of(thread) != nullptr || service_of_unread_fault(walker, thread));
}

// The next live thread from number `cursor` on that `matches`; moves the cursor behind it.
template <class Condition>
ThreadState* next_thread(std::uint32_t& cursor, Condition matches) {
  while (ThreadState* state = state_at(cursor)) {
    ++cursor;
    if (is_live(*state) && matches(*state)) return state;
  }
  return nullptr;
}

// The one thread that holds a lock which does not say who does; null where none or several seem to.
ThreadState* sole_holder(ThreadState& walker, const volatile void* object) {
  std::uint32_t cursor = 0;
  const auto holds = [&](ThreadState& thread) { return has_acquired(walker, thread, object); };
  ThreadState* holder = next_thread(cursor, holds);
  return next_thread(cursor, holds) == nullptr ? holder : nullptr;
}

// Whether two entries can speak of one lock: an address may have become another lock's, deleted as the first
// one was while it was held.
bool may_be_one_lock(const HeldLock& a, const HeldLock& b) {
  const LockId one = instance_in(a.word);
  const LockId other = instance_in(b.word);
  return a.address == b.address && class_in(a.word) == class_in(b.word) && (one == other || !one || !other);
}

// Where a thread waits behind a lock that its hook saw free: what it pushed last is a lock that the walker,
// by the lock's own word, holds and does not give up.
bool waits_unpublished(ThreadState& walker, const ThreadState& thread, Waiter& waiter) {
  if (&thread == &walker || walker.top - walker.base < 2) return false;
  // What another thread has released for it is still on its held stack.
  for (const auto& released : thread.released_by_others)
    if (released.load(std::memory_order_acquire) != nullptr) return false;
  HeldLock newest{};
  any_held(walker, thread, [&](const HeldLock& entry, bool) { return newest = entry, true; });
  if (newest.address == nullptr || newest.by_trylock ||
      (newest.kind != LockKind::Mutex && newest.kind != LockKind::Rwlock && newest.kind != LockKind::Once))
    return false;
  const HeldLock* own = walker.top - 1;
  while (own != walker.base && !may_be_one_lock(own[-1], newest)) --own;
  if (own == walker.base) return false;
  waiter.wait = {newest.address, nullptr, newest.kind, newest.mode, false, StackId{}};
  LockWords words;
  if (!copy_words(waiter.wait, words)) return false;
  // An initialiser that is running is the walker's.
  return newest.kind == LockKind::Once ? is_taken(waiter.wait, words, thread.tid)
                                       : owner_in(waiter.wait, words) == walker.tid;
}

bool describe(ThreadState& walker, ThreadState& thread, Waiter& waiter) {
  if (waits_for_good(thread, waiter)) return true;
  if (PublishedWait::is_waiting(waiter.sequence)) return false;
  if (any_fault_context()) {
    if (const PendingFault* fault = pending_fault_of(thread)) {
      waiter.wait = {fault, nullptr, LockKind::Service, Mode::Exclusive, false, StackId{}};
      waiter.lock = fault->service;
      waiter.cause = Cause::Fault;
      return true;
    }
    if (const LockId service = service_of_unread_fault(walker, thread)) {
      waiter.wait = {nullptr, nullptr, LockKind::Service, Mode::Exclusive, false, StackId{}};
      waiter.lock = service;
      waiter.cause = Cause::Fault;
      return true;
    }
  }
  return waits_unpublished(walker, thread, waiter);
}

ThreadState* next_reader_or_writer(ThreadState& walker, Waiter& waiter, const LockWords& words) {
  const Awaited& wait = waiter.wait;
  if (wait.mode == Mode::Exclusive)
    return readers_in(words) == 0 ? nullptr : next_thread(waiter.cursor, [&](ThreadState& thread) {
      return has_acquired(walker, thread, wait.object);
    });
  return next_thread(waiter.cursor, [&](const ThreadState& thread) {
    Waiter writer;
    return &thread != waiter.thread && waits_for_good(thread, writer) && !writer.wait.is_condition() &&
           writer.wait.object == wait.object && writer.wait.mode == Mode::Exclusive;
  });
}

// Whether `thread` is past an acquisition of `object` that `matches`, by its held stack.
template <class Condition>
bool has_entry(ThreadState& walker, const ThreadState& thread, const volatile void* object,
               Condition matches) {
  for (const auto& released : thread.released_by_others)
    if (released.load(std::memory_order_acquire) == object) return false;
  Awaited wait;
  std::uint32_t sequence;
  const bool waits = thread.wait.read(wait, sequence);
  const bool newest_may_wait =
      waits ? !wait.is_condition() && wait.object == object : !is_in_fault(walker, thread);
  // Of its own lock types the program says when the wait has ended.
  const bool is_announced = __atomic_load_n(&thread.announced, __ATOMIC_RELAXED) == object;
  return any_held(walker, thread, [&](const HeldLock& entry, bool newest) {
    const bool may_wait =
        newest && !entry.by_trylock && (entry.kind == LockKind::Custom ? is_announced : newest_may_wait);
    return entry.address == object && !may_wait && matches(entry);
  });
}

bool holds_shared(ThreadState& walker, const ThreadState& thread, const volatile void* object) {
  return has_entry(walker, thread, object, [](const HeldLock& entry) { return is_shared(entry.mode); });
}

bool holds_exclusive(ThreadState& walker, const ThreadState& thread, const volatile void* object) {
  return has_entry(walker, thread, object, [](const HeldLock& entry) { return !is_shared(entry.mode); });
}

// Whether the held stacks agree on who has a lock that does not say it: one thread exclusively, or some
// shared. Else somebody has just given it up, or handed it over.
bool holders_agree(ThreadState& walker, const volatile void* object) {
  std::uint32_t cursor = 0;
  int exclusive = 0;
  int shared = 0;
  while (ThreadState* thread =
             next_thread(cursor, [&](ThreadState& each) { return has_acquired(walker, each, object); })) {
    exclusive += holds_exclusive(walker, *thread, object);
    shared += holds_shared(walker, *thread, object);
  }
  return exclusive == 0 || (exclusive == 1 && shared == 0);
}

// Of a lock type of the program's own.
ThreadState* next_holder_or_writer(ThreadState& walker, Waiter& waiter) {
  const Awaited& wait = waiter.wait;
  if (waiter.cursor == 0 && !holders_agree(walker, wait.object)) return nullptr;
  return next_thread(waiter.cursor, [&](ThreadState& thread) {
    if (holds_exclusive(walker, thread, wait.object)) return true;
    if (wait.mode == Mode::Exclusive) return holds_shared(walker, thread, wait.object);
    Waiter writer;
    return wait.mode == Mode::SharedFair && &thread != waiter.thread && waits_for_good(thread, writer) &&
           !writer.wait.is_condition() && writer.wait.object == wait.object &&
           writer.wait.mode == Mode::Exclusive;
  });
}

// The thread that must read an event or a fault's message, or has read it and must resolve the fault; none
// where that is not certain.
ThreadId server_awaited(const Waiter& waiter) {
  if (PublishedWait::is_waiting(waiter.sequence)) return reader_awaited(waiter.wait.object);
  if (const PendingFault* fault = pending_fault_of(*waiter.thread)) return fault->reader;
  FaultContext context;
  const bool unread = waiter.wait.object == nullptr && find_context_of(waiter.lock, context);
  return unread ? sole_reader(context.reading) : ThreadId{};
}

// The next thread that `waiter` waits for, null when there are no more.
ThreadState* next_blocker(ThreadState& walker, Waiter& waiter) {
  const Awaited& wait = waiter.wait;
  const bool first = waiter.cursor == 0;
  if (wait.is_condition() || wait.kind == LockKind::Semaphore || wait.kind == LockKind::Barrier)
    return nullptr;
  if (wait.kind == LockKind::Thread || wait.kind == LockKind::Service) {
    waiter.cursor = 1;
    if (!first) return nullptr;
    if (wait.kind == LockKind::Thread) return live_thread(wait.object);
    const ThreadId server = server_awaited(waiter);
    return server ? find_thread([&](const ThreadState& thread) { return thread.id == server; }) : nullptr;
  }
  if (wait.kind == LockKind::Custom) return next_holder_or_writer(walker, waiter);
  LockWords words;
  if (words_of(wait.kind) != 0 && (!copy_words(wait, words) || is_shared(wait, words) ||
                                   returns_to_holder(wait, words, waiter.thread->tid)))
    return nullptr;
  // Of a lock waited for by its own holder the word says "got it". Only the walker knows better of itself: it
  // has yet to call the lock function. Another thread has got it just now, and will say so.
  const int owner = owner_in(wait, words);
  if ((owner != waiter.thread->tid || waiter.thread != &walker) && !is_taken(wait, words, waiter.thread->tid))
    return nullptr;
  if (owner == 0 && wait.kind == LockKind::Rwlock) return next_reader_or_writer(walker, waiter, words);
  waiter.cursor = 1;
  if (!first || (owner == 0 && wait.kind == LockKind::Mutex)) return nullptr;
  return owner != 0 ? thread_by_tid(owner) : sole_holder(walker, wait.object);
}

// Whether the wait is as it was, and still for `next`.
bool holds_true(ThreadState& walker, const Waiter& waiter, const ThreadState* next) {
  Waiter now;
  if (!is_live(*waiter.thread) || !describe(walker, *waiter.thread, now) || now.sequence != waiter.sequence ||
      now.wait.object != waiter.wait.object)
    return false;
  while (ThreadState* blocker = next_blocker(walker, now))
    if (blocker == next) return true;
  return false;
}

bool is_certain(ThreadState& walker, const Waiter* cycle, std::size_t count) {
  constexpr int kLooks = 2;
  for (int look = 0; look < kLooks; ++look)
    for (std::size_t i = 0; i < count; ++i)
      if (!holds_true(walker, cycle[i], cycle[(i + 1) % count].thread)) return false;
  return true;
}

// Whether it may be a signal handler that holds what `waiter` waits for, on `holder` that it interrupted in a
// wait: then the holder runs, and gives the lock up. Certain are only locks that lie below the one that the
// holder waits for.
bool may_be_a_handlers(ThreadState& walker, const Waiter& waiter, const Waiter& holder) {
  if (words_of(waiter.wait.kind) == 0 || waiter.wait.is_condition() || holder.thread == &walker ||
      !PublishedWait::is_waiting(holder.sequence))
    return false;
  bool waits_for_newest = false;
  const bool is_pushed = any_held(walker, *holder.thread, [&](const HeldLock& entry, bool newest) {
    if (newest) waits_for_newest = entry.address == holder.wait.object;
    return entry.address == waiter.wait.object;
  });
  return !waits_for_newest || !is_pushed;
}

// libc refuses to join a thread that joins its joiner, or itself.
bool is_refused_join(const Waiter* cycle, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (cycle[i].wait.kind != LockKind::Thread) return false;
  return count <= 2;
}

}  // namespace

bool has_acquired(ThreadState& walker, const ThreadState& thread, const volatile void* object) {
  return has_entry(walker, thread, object, [](const HeldLock&) { return true; });
}

bool is_held_against(ThreadState& walker, const volatile void* lock, Mode mode) {
  Waiter waiter{&walker, 0, 0, {lock, nullptr, LockKind::Custom, mode, false, StackId{}}, {}, Cause::Call};
  return next_holder_or_writer(walker, waiter) != nullptr;
}

bool waits_for_good(const ThreadState& thread, Waiter& waiter) {
  waiter = {const_cast<ThreadState*>(&thread), 0, 0, {}, LockId{}, Cause::Call};
  if (!thread.wait.read(waiter.wait, waiter.sequence) || waiter.wait.timed) return false;
  if (waiter.wait.is_condition())
    waiter.cause = Cause::Relock;
  else if (waiter.wait.kind == LockKind::Thread)
    waiter.cause = Cause::Join;
  else if (waiter.wait.kind == LockKind::Once || waiter.wait.kind == LockKind::StaticGuard)
    waiter.cause = Cause::Once;
  else if (waiter.wait.kind == LockKind::Loader)
    waiter.cause = Cause::Loader;
  else if (waiter.wait.kind == LockKind::Service) {
    waiter.cause = Cause::Service;
    waiter.lock = reading_awaited(waiter.wait.object);
  }
  return true;
}

ThreadState* live_thread(const volatile void* handle) {
  const ThreadId id = thread_by_handle(reinterpret_cast<pthread_t>(const_cast<const void*>(handle)));
  return id ? find_thread([id](const ThreadState& thread) { return thread.id == id; }) : nullptr;
}

std::uint64_t key_of_waits(DeadlockKind kind, const Waiter* waiters, std::size_t count) {
  std::uint64_t key = static_cast<std::uint64_t>(kind);
  for (std::size_t i = 0; i < count; ++i) key += mix(waiters[i].thread->id.value, waiters[i].sequence);
  return key;
}

bool find_cycle(ThreadState& walker, Deadlock& found, WalkEnd& end) {
  constexpr int kMostSteps = 2000;
  Waiter* path = walker.waiters;
  std::size_t count = describe(walker, walker, path[0]) ? 1 : 0;
  end = WalkEnd::Runs;
  for (int steps = 0; count > 0; ++steps) {
    Waiter& last = path[count - 1];
    ThreadState* next = steps < kMostSteps ? next_blocker(walker, last) : nullptr;
    if (next == nullptr) {
      const Awaited& wait = last.wait;
      if (wait.is_condition() || wait.kind == LockKind::Semaphore || wait.kind == LockKind::Barrier)
        end = WalkEnd::Idle;
      --count;
      continue;
    }
    std::size_t known = 0;
    while (known < count && path[known].thread != next) ++known;
    if (known == count) {
      if (count < ThreadState::kMaxWaiters && describe(walker, *next, path[count])) ++count;
      continue;
    }
    Waiter* cycle = path + known;
    const std::size_t size = count - known;
    if (is_refused_join(cycle, size) || !is_certain(walker, cycle, size)) continue;
    found = {size == 1 ? DeadlockKind::Self : DeadlockKind::Cycle, 0, cycle, size, 0, 0, false};
    found.key = key_of_waits(found.kind, cycle, size);
    for (std::size_t i = 0; i < size; ++i)
      found.may_dissolve |= cycle[i].wait.kind == LockKind::Service ||
                            cycle[i].wait.kind == LockKind::Custom ||
                            may_be_a_handlers(walker, cycle[i], cycle[(i + 1) % size]);
    return true;
  }
  return false;
}

}  // namespace faultline
