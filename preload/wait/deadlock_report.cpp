#include "wait/deadlock_report.h"

#include "options.h"
#include "raw_syscall.h"
#include "runtime.h"
#include "sys/task_state.h"

namespace faultline {
namespace {

constexpr int kEndedByFaultline = 66;
constexpr int kSliceMs = 10;
constexpr int kGraceMs = 1000;
constexpr int kServiceGraceMs = 300;

// A deadlock that came apart so often by itself is the program's way to hand a lock over: not waited for
// again.
constexpr std::uint64_t kMostDissolved = 4;

constinit std::atomic<bool> found_any{false};

// The same locks waited for at the same places, whoever waits and how often.
std::uint64_t key_of_places(const Deadlock& found) {
  std::uint64_t key = static_cast<std::uint64_t>(found.kind);
  for (std::size_t i = 0; i < found.count; ++i) {
    const Awaited& wait = found.threads[i].wait;
    const ThreadState& thread = *found.threads[i].thread;
    const bool is_pushed = thread.top != thread.base && thread.top[-1].address == wait.object;
    const StackId stack = is_pushed ? thread.top[-1].place.stack : wait.stack;
    key += mix(reinterpret_cast<std::uintptr_t>(wait.object), stack.value);
  }
  return key_of(Key::Deadlock, key);
}

// How often what was found there has come apart again. Null: not to be told, nor waited for: no memory, or
// all others came to wait behind a deadlock that has been told, which is no further one.
KeyMap::Value* dissolved_at(const Deadlock& found, bool& is_new) {
  is_new = false;
  if (found.kind == DeadlockKind::Stall && found_any.load(std::memory_order_relaxed)) return nullptr;
  KeyMap::Value* dissolved = recorded.find_or_add(key_of_places(found), &is_new);
  if (dissolved == nullptr || dissolved->load(std::memory_order_relaxed) >= kMostDissolved) return nullptr;
  return dissolved;
}

void tell(ThreadState& thread, const Deadlock& found) {
  found_any.store(true, std::memory_order_relaxed);
  if (ensure_trace(thread)) write_deadlock(thread, found);
  print_deadlock(thread, found);
}

// Whether the same threads stay in the same waits for so long. `look` finds the deadlock anew.
template <class Look>
bool stands_for(int milliseconds, std::uint64_t key, Look look) {
  for (int waited = 0; waited < milliseconds; waited += kSliceMs) {
    sys::sleep_ms(kSliceMs);
    Deadlock now;
    if (!look(now) || now.key != key) return false;
  }
  return true;
}

template <class Look>
void end_process_if_it_stands(std::uint64_t key, KeyMap::Value& dissolved, Look look) {
  if (options.on_deadlock != OnDeadlock::Kill) return;
  if (!stands_for(kGraceMs, key, look)) {
    dissolved.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  say("the deadlock stands: the program is ended with status 66 (on_deadlock=kill)");
  trace.refresh_stats();
  sys::call(SYS_exit_group, kEndedByFaultline);
}

}  // namespace

void watch_for_deadlock(FindDeadlock find) {
  const auto look = [find](Deadlock& found) {
    Guard guard;
    return guard && find(guard.thread(), found);
  };
  // Null: there is nothing to do about it.
  const auto tell_if_new = [find](std::uint64_t key) -> KeyMap::Value* {
    Guard guard;
    Deadlock now;
    if (!guard || !find(guard.thread(), now) || now.key != key) return nullptr;
    bool is_new;
    KeyMap::Value* dissolved = dissolved_at(now, is_new);
    if (is_new && dissolved != nullptr) tell(guard.thread(), now);
    return dissolved;
  };
  Deadlock found;
  if (!look(found)) return;
  if (found.may_dissolve && !stands_for(kServiceGraceMs, found.key, look)) return;
  if (KeyMap::Value* dissolved = tell_if_new(found.key))
    end_process_if_it_stands(found.key, *dissolved, look);
}

void deadlock_found(ThreadState& thread, const Deadlock& found, FindDeadlock find) {
  bool is_new;
  KeyMap::Value* dissolved = dissolved_at(found, is_new);
  if (dissolved == nullptr) return;
  if (is_new) tell(thread, found);
  end_process_if_it_stands(found.key, *dissolved, [&](Deadlock& now) { return find(thread, now); });
}

}  // namespace faultline
