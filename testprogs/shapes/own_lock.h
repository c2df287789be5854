// A lock type of the program's own: one flag, and the annotations that tell of it.
#pragma once

#include <faultline/annotate.h>

#include <atomic>

class OwnLock {
 public:
  void lock() {
    faultline_acquire_begin(this, FAULTLINE_EXCLUSIVE);
    while (taken_.exchange(true)) taken_.wait(true);
    faultline_acquired(this, FAULTLINE_EXCLUSIVE);
  }
  bool try_lock() {
    if (taken_.exchange(true)) return false;
    faultline_try_acquired(this, FAULTLINE_EXCLUSIVE);
    return true;
  }
  void unlock() {
    faultline_release(this);
    taken_ = false;
    taken_.notify_one();
  }

 private:
  std::atomic<bool> taken_{false};
};
