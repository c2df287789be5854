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

constinit std::atomic<bool> found_any{false};

bool is_new(const Deadlock& found) {
  // That all others came to wait behind a deadlock that has been told is no further one.
  if (found.kind == DeadlockKind::Stall && found_any.load(std::memory_order_relaxed)) return false;
  bool added;
  return recorded.find_or_add(key_of(Key::Deadlock, found.key), &added) != nullptr && added;
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
void end_process_if_it_stands(std::uint64_t key, Look look) {
  if (options.on_deadlock != OnDeadlock::Kill || !stands_for(kGraceMs, key, look)) return;
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
  const auto tell_if_new = [find](std::uint64_t key) {
    Guard guard;
    Deadlock now;
    if (!guard || !find(guard.thread(), now) || now.key != key || !is_new(now)) return false;
    tell(guard.thread(), now);
    return true;
  };
  Deadlock found;
  if (!look(found)) return;
  if (found.has_service && !stands_for(kServiceGraceMs, found.key, look)) return;
  if (tell_if_new(found.key)) end_process_if_it_stands(found.key, look);
}

void deadlock_found(ThreadState& thread, const Deadlock& found, FindDeadlock find) {
  if (!is_new(found)) return;
  tell(thread, found);
  end_process_if_it_stands(found.key, [&](Deadlock& now) { return find(thread, now); });
}

}  // namespace faultline
