#include "wait/server_wait.h"

#include <errno.h>
#include <time.h>

#include "raw_syscall.h"
#include "real.h"
#include "wait/deadlock_report.h"

namespace faultline {
namespace {

// The end of a step that begins now, by CLOCK_MONOTONIC.
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

}  // namespace

int lock_as_server(pthread_mutex_t* mutex) {
  for (;;) {
    const timespec until = end_of_step();
    const int result = real::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
    if (result == ETIMEDOUT) {
      look_between_steps();
      continue;
    }
    if (ThreadState* thread = tls.active) thread->waits_in_steps = false;
    // An old libc, or kernel, that knows no such limit for this mutex.
    return result == EINVAL || result == ENOSYS ? real::pthread_mutex_lock(mutex) : result;
  }
}

}  // namespace faultline
