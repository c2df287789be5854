// The proof that the shim may work for the calling thread: not re-entered, registered, switched on.
//
// Slow paths take `Guard&`. While one lives, every hook of the same thread (a signal handler, libunwind's own
// mutex) passes straight through. Construction registers a thread that is seen for the first time, and
// notices a fork that no hook saw. errno is kept.
//
// Rules: at most one per thread at a time (a second is false); no program code runs inside; no jump out of
// it.
#pragma once

#include "record/thread_state.h"

namespace faultline {

class Guard {
 public:
  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // False: pass through to the real function. Why does not matter to the caller.
  explicit operator bool() const { return thread_ != nullptr; }
  ThreadState& thread() { return *thread_; }

 private:
  ThreadState* thread_ = nullptr;
  int saved_errno_ = 0;
};

// Whether the calling thread is inside a guarded section (and this is a re-entry).
inline bool shim_is_busy() {
  return tls.state != nullptr && tls.active == nullptr && !tls.ended;
}

}  // namespace faultline
