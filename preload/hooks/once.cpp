// pthread_once, std::call_once and C11's call_once; __cxa_guard_*, which compiled code calls around the
// initialisation of a function's static variable (only until it has been done).
#include "hooks/hook.h"
#include "hooks/unwound.h"
#include "record/initialisers.h"

using namespace faultline;

FAULTLINE_UNWOUND_CALL(faultline_once, release_newest(LockKind::Once))

namespace {

// __PTHREAD_ONCE_DONE of nptl/pthreadP.h; in progress is 1, and the rest counts forks.
constexpr int kOnceDone = 2;

static_assert(sizeof(once_flag) == sizeof(pthread_once_t));

// Function: pthread_once, or call_once, whose lack of a result nobody looks at.
template <class Function>
[[gnu::cold, gnu::noinline]] int initialise(Function function, int* control, void (*routine)(), int state,
                                            std::uintptr_t return_address, std::uintptr_t frame) {
  if (!before_initialiser(control, LockKind::Once, state == 0, {return_address, frame}))
    return function(control, routine);
  // It may yet come to run the initialiser itself, so it is not said to wait while it does (wait_graph.h).
  if (looks_running(control)) {
    wait_begins(control, LockKind::Once, Mode::Exclusive, {return_address, frame});
    wait_ends();
  }
  const int result = faultline_once(function, control, routine);
  initialiser_left(control, result == 0);
  return result;
}

}  // namespace

FAULTLINE_EXPORT int pthread_once(pthread_once_t* control, void (*routine)()) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const int state = __atomic_load_n(control, __ATOMIC_RELAXED);
  if ((state & kOnceDone) == 0)
    return initialise(real::pthread_once, control, routine, state, at.return_address, at.frame);
  before_done_initialiser(control, LockKind::Once, at);
  return real::pthread_once(control, routine);
}

FAULTLINE_EXPORT void call_once(once_flag* flag, void (*routine)()) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  auto* control = reinterpret_cast<int*>(flag);
  const int state = __atomic_load_n(control, __ATOMIC_RELAXED);
  if ((state & kOnceDone) == 0) {
    const auto once = [](int* c, void (*r)()) {
      real::call_once(reinterpret_cast<once_flag*>(c), r);
      return 0;
    };
    initialise(+once, control, routine, state, at.return_address, at.frame);
    return;
  }
  before_done_initialiser(control, LockKind::Once, at);
  real::call_once(flag, routine);
}

FAULTLINE_EXPORT int __cxa_guard_acquire(long long* guard) {
  const bool fresh = __atomic_load_n(guard, __ATOMIC_RELAXED) == 0;
  const CallPoint at = FAULTLINE_CALL_POINT;
  const bool pushed = before_initialiser(guard, LockKind::StaticGuard, fresh, at);
  const bool waits = pushed && looks_running(guard);
  if (waits) wait_begins(guard, LockKind::StaticGuard, Mode::Exclusive, at);
  const int must_initialise = real::__cxa_guard_acquire(guard);
  if (waits) wait_ends();
  if (pushed && must_initialise == 0) initialiser_left(guard, true);
  return must_initialise;
}

FAULTLINE_EXPORT void __cxa_guard_release(long long* guard) {
  initialiser_left(guard, true);
  real::__cxa_guard_release(guard);
}

FAULTLINE_EXPORT void __cxa_guard_abort(long long* guard) {
  initialiser_left(guard, false);
  real::__cxa_guard_abort(guard);
}

FAULTLINE_ALIAS(__pthread_once, pthread_once);
