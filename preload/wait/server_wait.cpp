#include "wait/server_wait.h"

#include "raw_syscall.h"
#include "wait/deadlock_report.h"

namespace faultline {

timespec end_of_step() {
  constexpr long kStepNs = 250'000'000;
  constexpr long kSecondNs = 1'000'000'000;
  timespec time{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, sys::as_long(&time));
  time.tv_nsec += kStepNs;
  if (time.tv_nsec >= kSecondNs) {
    time.tv_nsec -= kSecondNs;
    ++time.tv_sec;
  }
  return time;
}

void look_between_steps() {
  ThreadState* thread = tls.active;
  if (thread == nullptr) return;
  thread->waits_in_steps = true;
  watch_for_deadlock([](ThreadState& walker, Deadlock& found) {
    WalkEnd end;
    return find_cycle(walker, found, end);
  });
}

void steps_end() {
  if (ThreadState* thread = tls.active) thread->waits_in_steps = false;
}

}  // namespace faultline
