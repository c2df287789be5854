#include "wait/stall.h"

#include <stddef.h>
#include <sys/time.h>

#include <cstring>

#include "raw_syscall.h"
#include "record/thread_registry.h"
#include "sys/key_map.h"
#include "sys/own_memory.h"
#include "sys/task_state.h"
#include "wait/lock_words.h"

namespace faultline {
namespace {

constinit std::atomic<bool> any_cancelled{false};

// A thread that was seen not to wait: it most likely still does not, and then nobody else need be looked at.
constinit std::atomic<const ThreadState*> seen_running{nullptr};

bool is_running(const ThreadState& thread) {
  return is_live(thread) && !PublishedWait::is_waiting(thread.wait.sequence());
}

// All threads but the one that looks, as long as each waits without a time limit.
class Waiters {
 public:
  Waiters(ThreadState& self, bool self_leaves) : self_(self), self_leaves_(self_leaves) {}

  // False: some thread does not wait, or there are too many.
  bool collect() {
    const ThreadState* running = seen_running.load(std::memory_order_relaxed);
    if (running != nullptr && running != &self_ && is_running(*running)) return false;
    count_ = 0;
    key_ = 0;
    Waiter waiter;
    if (!self_leaves_) {
      if (!waits_for_good(self_, waiter)) return false;
      add(waiter);
    }
    for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at) {
      if (at == kMostThreads) return false;
      if (state == &self_ || !state->in_use.load(std::memory_order_acquire)) continue;
      if (!is_live(*state) || !waits_for_good(*state, waiter)) {
        seen_running.store(state, std::memory_order_relaxed);
        return false;
      }
      add(waiter);
    }
    return count_ > 0;
  }

  // Whether the words of what is waited for show every thread asleep.
  Asleep asleep() {
    Asleep all = Asleep::Yes;
    for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at) {
      if (!state->in_use.load(std::memory_order_acquire) || (state == &self_ && self_leaves_)) continue;
      Waiter waiter;
      if (!waits_for_good(*state, waiter)) return Asleep::No;
      const Asleep one = asleep(waiter);
      if (one == Asleep::No) {
        seen_running.store(state == &self_ ? nullptr : state, std::memory_order_relaxed);
        return Asleep::No;
      }
      if (one == Asleep::Unsure) all = Asleep::Unsure;
    }
    return all;
  }

  void describe(Deadlock& found) const {
    const std::size_t shown = count_ < ThreadState::kMaxWaiters ? count_ : ThreadState::kMaxWaiters;
    found = {DeadlockKind::Stall, key_, self_.waiters, shown, count_ - shown, 0, false};
  }
  std::uint64_t key() const { return key_; }

 private:
  void add(const Waiter& waiter) {
    if (count_ < ThreadState::kMaxWaiters) self_.waiters[count_] = waiter;
    ++count_;
    key_ += key_of_waits(DeadlockKind::Stall, &waiter, 1);
  }

  // Other threads that wait for the same object: the looking one has not begun to, as libc sees it.
  unsigned others_at(const Awaited& wait) const {
    unsigned count = 0;
    for (std::uint32_t at = 0; const ThreadState* state = state_at(at); ++at) {
      Waiter waiter;
      count += state != &self_ && is_live(*state) && waits_for_good(*state, waiter) &&
               waiter.wait.object == wait.object;
    }
    return count;
  }

  Asleep asleep(const Waiter& waiter) const {
    const Awaited& wait = waiter.wait;
    const bool is_self = waiter.thread == &self_;
    if (!wait.is_condition() && wait.kind == LockKind::Thread) return is_joinable_later(wait);
    if (!wait.is_condition() && wait.kind == LockKind::Service) return Asleep::No;  // perhaps over already
    LockWords words;
    if (!read_words(wait, is_self, words) || is_shared(wait, words)) return Asleep::No;
    if (wait.is_condition() && !knows_conditions()) return Asleep::No;
    if (wait.is_condition() || wait.kind == LockKind::Semaphore || wait.kind == LockKind::Barrier) {
      const unsigned others = others_at(wait);
      if (!is_self) return all_asleep(wait, words, others);
      // Its own wait has yet to begin: would it?
      if (wait.kind == LockKind::Semaphore && !wait.is_condition() && words.semaphore.value != 0)
        return Asleep::No;
      if (wait.kind == LockKind::Barrier && !wait.is_condition() && others + 1 >= words.barrier.count)
        return Asleep::No;
      return Asleep::Yes;
    }
    if (!is_taken(wait, words, waiter.thread->tid)) return Asleep::No;
    return is_given_up(wait, words) ? Asleep::No : Asleep::Yes;
  }

  // In most hand-overs the other thread has been set free and has yet to run: what shows it is looked at
  // first, and where the memory must be there it is simply read: the thread's own, and a condition whose
  // mutex it holds itself, so that nobody can have come back from a wait for it.
  bool read_words(const Awaited& wait, bool is_self, LockWords& words) const {
    Awaited own;
    std::uint32_t sequence;
    if (is_self || (wait.is_condition() && self_.wait.read(own, sequence) && own.mutex == wait.mutex)) {
      std::memcpy(&words, const_cast<const void*>(wait.object),
                  wait.is_condition() ? sizeof words.condition : words_of(wait.kind));
      return true;
    }
    return !shows_signal(wait) && copy_words(wait, words);
  }
  static bool shows_signal(const Awaited& wait) {
    const auto* at = static_cast<const volatile char*>(wait.object);
    if (wait.is_condition()) {
      constexpr std::size_t kSignals = offsetof(pthread_cond_t, __data.__g_signals);
      return !sys::word_is(at + kSignals, 0) || !sys::word_is(at + kSignals + sizeof(unsigned), 0);
    }
    return wait.kind == LockKind::Semaphore && !sys::word_is(at, 0);
  }

  // The end of a thread that waits itself, and so will not come.
  Asleep is_joinable_later(const Awaited& wait) const {
    const ThreadState* joined = live_thread(wait.object);
    return joined == nullptr || (joined == &self_ && self_leaves_) ? Asleep::No : Asleep::Yes;
  }

  // A mutex whose owner is unknown, or about to give it up in a condition wait.
  bool is_given_up(const Awaited& wait, const LockWords& words) const {
    const int owner = owner_in(wait, words);
    if (owner == 0) return wait.kind == LockKind::Mutex;
    const ThreadState* state = thread_by_tid(owner);
    Waiter waiter;
    if (state == nullptr) return !sys::is_gone(owner);
    return !waits_for_good(*state, waiter) || waiter.wait.mutex == wait.object;
  }

  ThreadState& self_;
  const bool self_leaves_;
  std::size_t count_ = 0;
  std::uint64_t key_ = 0;
};

// The thread is asleep in the futex of what it says it waits for.
bool sleeps_in_its_wait(const ThreadState& thread) {
  Waiter waiter;
  const sys::TaskCall call = sys::task_call(thread.tid);
  if (call.state != sys::TaskCall::State::Call || call.number != SYS_futex || !waits_for_good(thread, waiter))
    return false;
  const Awaited& wait = waiter.wait;
  if (!wait.is_condition() && wait.kind == LockKind::Thread) return true;  // a word of libc's own
  const auto object = reinterpret_cast<std::uintptr_t>(wait.object);
  const std::size_t size = wait.is_condition() ? sizeof(pthread_cond_t) : words_of(wait.kind);
  return call.first_argument >= object && call.first_argument < object + size;
}

// What the kernel knows of the threads other than `self`.
struct Tasks {
  const ThreadState& self;
  Asleep asleep = Asleep::Yes;  // No: there is one that is none of ours
};

bool look_at_task(int tid, void* data) {
  auto& tasks = *static_cast<Tasks*>(data);
  if (tid == tasks.self.tid) return true;
  const ThreadState* thread = thread_by_tid(tid);
  if (thread != nullptr)
    tasks.asleep = sleeps_in_its_wait(*thread) ? Asleep::Yes : Asleep::Unsure;
  else if (tid != sys::call(SYS_getpid) || !sys::is_zombie(tid))
    tasks.asleep = has_ended_lately(tid) ? Asleep::Unsure : Asleep::No;
  return tasks.asleep == Asleep::Yes;
}

Asleep tasks_asleep(ThreadState& self) {
  Tasks tasks{self};
  return sys::each_task(self.line, sizeof self.line, look_at_task, &tasks) || tasks.asleep != Asleep::Yes
             ? tasks.asleep
             : Asleep::No;
}

bool may_be_signalled(ThreadState& self) {
  if (sys::read_proc("status", self.line, sizeof self.line) == 0) return true;
  constexpr char kCaught[] = "SigCgt:\t";
  const char* at = std::strstr(self.line, kCaught);
  if (at == nullptr) return true;
  std::uint64_t caught = 0;
  for (at += sizeof kCaught - 1; *at != '\n' && *at != '\0'; ++at)
    caught = caught << 4 | static_cast<std::uint64_t>(*at <= '9' ? *at - '0' : *at - 'a' + 10);
  constexpr std::uint64_t kLibcsOwn = std::uint64_t{3} << 31;  // 32 and 33: cancellation, setuid
  return (caught & ~kLibcsOwn) != 0;
}

bool has_timer(ThreadState& self) {
  for (const int which : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) {
    itimerval timer{};
    if (sys::call(SYS_getitimer, which, sys::as_long(&timer)) != 0 || timer.it_value.tv_sec != 0 ||
        timer.it_value.tv_usec != 0)
      return true;
  }
  return sys::read_proc("timers", self.line, sizeof self.line) != 0;
}

}  // namespace

void thread_may_be_cancelled() {
  any_cancelled.store(true, std::memory_order_relaxed);
}

bool find_stall(ThreadState& thread, bool leaves, Deadlock& found) {
  if (any_cancelled.load(std::memory_order_relaxed)) return false;
  Waiters waiters(thread, leaves);
  // A thread that has published its wait, or ended, may yet be on its way: it will not look again.
  constexpr int kLooks = 40;
  constexpr int kLooksWithoutSleep = 20;
  for (int look = 0; look < kLooks; ++look) {
    if (look > kLooksWithoutSleep)
      sys::sleep_ms(1);
    else if (look > 0)
      sys::call(SYS_sched_yield);
    if (!waiters.collect()) return false;
    const std::uint64_t key = waiters.key();
    const Asleep in_memory = waiters.asleep();
    if (in_memory == Asleep::No) return false;
    if (in_memory == Asleep::Unsure) continue;
    if (may_be_signalled(thread) || has_timer(thread)) return false;
    const Asleep in_kernel = tasks_asleep(thread);
    if (in_kernel == Asleep::No) return false;
    if (in_kernel == Asleep::Unsure) continue;
    if (!waiters.collect() || waiters.key() != key || waiters.asleep() != Asleep::Yes) return false;
    waiters.describe(found);
    return true;
  }
  return false;
}

}  // namespace faultline
