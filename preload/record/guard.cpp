#include "record/guard.h"

#include <errno.h>

#include "fault/thread_faults.h"
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
    set_inactive();
    tls.ended = true;
    return;
  }
  // From here a signal handler's hooks pass through; the compiler must not move the work above this.
  set_inactive();
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  thread_ = thread;
  notice_fork(thread);
  if (thread->ring != nullptr) tell_own_faults(*thread);
  if (thread->limit <= thread->base) {
    take_notice(*thread);
    drop_ended_loader_calls(*thread, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
    drop_closed_file_locks(*thread);
  }
}

Guard::~Guard() {
  if (thread_ != nullptr) {
    while (thread_->deferred_count > 0) remove_held(*thread_, thread_->deferred[--thread_->deferred_count]);
    if (thread_->ring != nullptr) {
      pass_over_own_faults(*thread_);
      rest_if_idle(*thread_);
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    set_active(thread_);
  }
  errno = saved_errno_;
}

}  // namespace faultline
