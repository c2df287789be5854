// A signal handler that locks while the shim is at work for the interrupted thread: passed through, and what
// the thread holds stays right.
#include <doctest/doctest.h>

#include "record/acquisition.h"
#include "recording.h"

using namespace faultline;

namespace {

void take(pthread_mutex_t& mutex) {
  before_wait(&mutex, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, FAULTLINE_CALL_POINT);
}

// What a handler does that interrupts the shim.
void take_in_handler(pthread_mutex_t& mutex) {
  acquired_by_try(&mutex, LockKind::Mutex, Mode::Exclusive, FAULTLINE_CALL_POINT);
}

std::vector<const void*> held_now() {
  Guard guard;
  std::vector<const void*> held;
  for (const HeldLock* entry = guard.thread().base; entry != guard.thread().top; ++entry)
    held.push_back(entry->address);
  return held;
}

}  // namespace

TEST_CASE("re-entry: a handler takes and releases the lock that the interrupted code is about to take") {
  record_here();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  const std::uint64_t reentered = lost(Lost::Reentered);
  const std::uint64_t foreign = lost(Lost::Foreign);
  take(lock);
  {
    const Guard at_work;
    take_in_handler(lock);
    before_release(&lock);
  }
  CHECK(lost(Lost::Reentered) == reentered + 1);
  CHECK(held_now() == std::vector<const void*>{&lock});
  before_release(&lock);
  CHECK(held_now().empty());
  CHECK(lost(Lost::Foreign) == foreign);
}

TEST_CASE("re-entry: a handler releases a lock that the interrupted code holds") {
  record_here();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t other = PTHREAD_MUTEX_INITIALIZER;
  take(lock);
  take(other);
  {
    const Guard at_work;
    before_release(&lock);
  }
  CHECK(held_now() == std::vector<const void*>{&other});
  before_release(&other);
  CHECK(held_now().empty());
}

TEST_CASE("re-entry: handlers within handlers, each releasing its own") {
  record_here();
  static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
  static pthread_mutex_t inner = PTHREAD_MUTEX_INITIALIZER;
  take(outer);
  take(inner);
  {
    const Guard at_work;
    take_in_handler(outer);
    take_in_handler(inner);
    before_release(&inner);
    before_release(&outer);
  }
  CHECK(held_now() == std::vector<const void*>{&outer, &inner});
  before_release(&inner);
  before_release(&outer);
  CHECK(held_now().empty());
}
