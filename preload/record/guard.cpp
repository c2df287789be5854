#include "record/guard.h"

#include <errno.h>

#include "record/file_locks.h"
#include "record/held_stack.h"
#include "record/loader_calls.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {

thread_local constinit ThreadLocal tls{};

Guard::Guard() : saved_errno_(errno) {
  ThreadState* thread = tls.active;
  if (thread == nullptr) {
    if (tls.state != nullptr || tls.ended || !recording()) return;
    // A child's first act must not be a record in its parent's trace.
    notice_fork(nullptr);
    thread = adopt_thread();
    if (thread == nullptr) return;
  } else if (!recording()) {
    tls.active = nullptr;
    tls.ended = true;
    return;
  }
  // From here a signal handler's hooks pass through; the compiler must not move the work above this.
  tls.active = nullptr;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  thread_ = thread;
  notice_fork(thread);
  if (thread->limit <= thread->base) {
    take_notice(*thread);
    drop_ended_loader_calls(*thread, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
    drop_closed_file_locks(*thread);
  }
}

Guard::~Guard() {
  if (thread_ != nullptr) {
    while (thread_->deferred_count > 0) remove_held(*thread_, thread_->deferred[--thread_->deferred_count]);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    tls.active = thread_;
  }
  errno = saved_errno_;
}

}  // namespace faultline
