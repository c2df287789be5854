// pthread_create and the joins: which thread's life lies before another's.
#include "hooks/hook.h"
#include "record/thread_registry.h"

using namespace faultline;

namespace {

void* run_thread(void* prepared) {
  auto& state = *static_cast<ThreadState*>(prepared);
  void* (*const routine)(void*) = state.start_routine;
  void* const argument = state.start_argument;
  begin_thread(state);
  return routine(argument);
}

int joined(pthread_t thread, int result) {
  if (result == 0) {
    Guard guard;
    if (guard) thread_joined(guard, thread);
  }
  return result;
}

// A join is a cancellation point: cleanup handlers of the program's run when it no longer waits.
void join_is_over(void*) {
  wait_ends();
}

}  // namespace

FAULTLINE_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                    void* (*routine)(void*), void* argument) noexcept {
  ThreadState* prepared = nullptr;
  {
    Guard guard;
    if (guard) prepared = prepare_thread(guard.thread());
  }
  if (prepared == nullptr) return real::pthread_create(thread, attributes, routine, argument);
  prepared->start_routine = routine;
  prepared->start_argument = argument;
  const int result = real::pthread_create(thread, attributes, run_thread, prepared);
  if (result != 0) discard_thread(*prepared);
  Guard guard;
  if (guard && result == 0) thread_created(guard.thread());
  return result;
}

FAULTLINE_EXPORT int pthread_join(pthread_t thread, void** value) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  int result;
  pthread_cleanup_push(join_is_over, nullptr);
  wait_begins(reinterpret_cast<const void*>(thread), LockKind::Thread, Mode::Exclusive, at);
  result = real::pthread_join(thread, value);
  pthread_cleanup_pop(1);
  return joined(thread, result);
}

FAULTLINE_EXPORT int pthread_tryjoin_np(pthread_t thread, void** value) noexcept {
  return joined(thread, real::pthread_tryjoin_np(thread, value));
}

FAULTLINE_EXPORT int pthread_timedjoin_np(pthread_t thread, void** value, const timespec* until) {
  return joined(thread, real::pthread_timedjoin_np(thread, value, until));
}

FAULTLINE_EXPORT int pthread_clockjoin_np(pthread_t thread, void** value, clockid_t clock,
                                          const timespec* until) {
  return joined(thread, real::pthread_clockjoin_np(thread, value, clock, until));
}
