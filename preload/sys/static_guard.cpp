#include "sys/static_guard.h"

#include <linux/futex.h>

#include <climits>

#include "raw_syscall.h"

namespace faultline {
namespace {

constexpr int kDone = 1;  // the first byte, which compiled code tests
constexpr int kPending = 1 << 8;
constexpr int kWaitedFor = 1 << 16;

int* word_of(long long* guard) {
  return reinterpret_cast<int*>(guard);
}

void leave(long long* guard, int state) {
  int* word = word_of(guard);
  if ((__atomic_exchange_n(word, state, __ATOMIC_ACQ_REL) & kWaitedFor) != 0)
    sys::call(SYS_futex, sys::as_long(word), FUTEX_WAKE_PRIVATE, INT_MAX);
}

}  // namespace

int guard_acquire(long long* guard) {
  int* word = word_of(guard);
  for (;;) {
    int seen = 0;
    if (__atomic_compare_exchange_n(word, &seen, kPending, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return 1;
    if (seen == kDone) return 0;
    if (seen == kPending && !__atomic_compare_exchange_n(word, &seen, kPending | kWaitedFor, false,
                                                         __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      continue;
    sys::call(SYS_futex, sys::as_long(word), FUTEX_WAIT_PRIVATE, kPending | kWaitedFor, 0);
  }
}

void guard_release(long long* guard) {
  leave(guard, kDone);
}

void guard_abort(long long* guard) {
  leave(guard, 0);
}

}  // namespace faultline
