// A count that threads advance and wait for: threads that are all alive at once take turns by it.
//
// This is what lets a broken variant visit both of its orders without hanging: neither thread is created
// after, or joined before, the other's work, so nothing but luck kept them apart. Hold no lock while waiting.
#pragma once

#include <pthread.h>

#include "locks.h"

namespace tvfs {

class Turns {
 public:
  Turns() = default;
  ~Turns() { must(pthread_cond_destroy(&changed_), "pthread_cond_destroy"); }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  void pass() {
    const std::lock_guard guard(lock_);
    ++count_;
    must(pthread_cond_broadcast(&changed_), "pthread_cond_broadcast");
  }

  void wait_for(unsigned count) {
    const std::lock_guard guard(lock_);
    while (count_ < count) must(pthread_cond_wait(&changed_, lock_.native_handle()), "pthread_cond_wait");
  }

 private:
  Mutex lock_{"turns"};
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  unsigned count_ = 0;
};

}  // namespace tvfs
