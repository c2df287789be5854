// pthread_create, the joins, and C11's: which thread's life lies before another's, and who waits for its end.
#include <errno.h>

#include <cstring>

#include "fault/mmap_lock.h"
#include "hooks/hook.h"
#include "hooks/unwound.h"
#include "record/thread_ends.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "wait/stall.h"

using namespace faultline;

FAULTLINE_UNWOUND_CALL(faultline_join, wait_ends())

namespace {

// A thread's start routine, whose result is a pointer or, by C11, an int.
template <class Result>
using Routine = Result (*)(void*);
// What any function pointer may be cast to and back without a warning.
using AnyFunction = void (*)();

template <class Result>
Result run_thread(void* prepared) {
  auto& state = *static_cast<ThreadState*>(prepared);
  const auto routine = reinterpret_cast<Routine<Result>>(reinterpret_cast<AnyFunction>(state.start_routine));
  void* const argument = state.start_argument;
  begin_thread(state);
  return routine(argument);
}

// The size of stack that libc gives a thread made with these attributes (null: its default ones); 0: not
// known.
std::size_t stack_size_of(const pthread_attr_t* attributes) {
  pthread_attr_t defaults;
  std::size_t size = 0;
  if (attributes != nullptr) return pthread_attr_getstacksize(attributes, &size) == 0 ? size : 0;
  if (pthread_attr_init(&defaults) != 0) return 0;
  if (pthread_attr_getstacksize(&defaults, &size) != 0) size = 0;
  pthread_attr_destroy(&defaults);
  return size;
}

// Creates a thread by `create`, which is given what to run instead of `routine`. Its stack may be mapped for
// it.
template <class Result, class Create>
int creating(pthread_t* thread, const pthread_attr_t* attributes, Routine<Result> routine, void* argument,
             CallPoint at, Create create) {
  before_mapping_change(at, Mode::Exclusive, Happened::Perhaps);
  ThreadState* prepared = nullptr;
  {
    Guard guard;
    if (guard) prepared = prepare_thread(guard.thread());
  }
  if (prepared == nullptr) return create(routine, argument);
  prepared->start_routine = reinterpret_cast<Routine<void*>>(reinterpret_cast<AnyFunction>(routine));
  prepared->start_argument = argument;
  prepared->stack_size = stack_size_of(attributes);
  const ThreadId id = prepared->id;
  const int result = create(run_thread<Result>, static_cast<void*>(prepared));
  if (result != 0) discard_thread(*prepared);
  Guard guard;
  if (!guard || result != 0) return result;
  learn_handle(id, thread);
  thread_created(guard.thread());
  return result;
}

int joined(pthread_t thread, int result) {
  if (result == 0) {
    Guard guard;
    if (guard) thread_joined(guard, thread);
  }
  return result;
}

// Whether a join would wait: the thread still runs, and may be joined by the caller. Any other join ends at
// once, which only libc knows: it is asked for one whose time is up. 0: joined so.
int join_at_once(pthread_t thread, void** value) {
  constexpr timespec kPast{0, 0};
  return real::pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, &kPast);
}

// A join without a time limit, by whichever name; thrd_success is 0.
template <class Function, class Value>
int waiting_join(pthread_t thread, CallPoint at, Function function, Value value) {
  before_join(thread, WaitKind::Blocking, at);
  void* returned = nullptr;
  const int at_once = recording() ? join_at_once(thread, &returned) : ENOSYS;
  if (at_once == 0) {
    // A C11 thread's int lies in the pointer.
    if (value != nullptr) std::memcpy(value, &returned, sizeof *value);
    return joined(thread, 0);
  }
  if (at_once != ETIMEDOUT) return joined(thread, function(thread, value));
  wait_begins(reinterpret_cast<const void*>(thread), LockKind::Thread, Mode::Exclusive, at);
  const int result = faultline_join(function, thread, value);
  wait_ends();
  return joined(thread, result);
}

}  // namespace

static_assert(thrd_success == 0);

FAULTLINE_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                    void* (*routine)(void*), void* argument) noexcept {
  return creating(
      thread, attributes, routine, argument, FAULTLINE_CALL_POINT,
      [=](Routine<void*> run, void* with) { return real::pthread_create(thread, attributes, run, with); });
}

FAULTLINE_EXPORT int thrd_create(thrd_t* thread, thrd_start_t routine, void* argument) {
  return creating(thread, nullptr, routine, argument, FAULTLINE_CALL_POINT,
                  [=](Routine<int> run, void* with) { return real::thrd_create(thread, run, with); });
}

FAULTLINE_EXPORT int pthread_cancel(pthread_t thread) {
  thread_may_be_cancelled();
  return real::pthread_cancel(thread);
}

FAULTLINE_EXPORT int pthread_join(pthread_t thread, void** value) {
  return waiting_join(thread, FAULTLINE_CALL_POINT, real::pthread_join, value);
}

FAULTLINE_EXPORT int pthread_tryjoin_np(pthread_t thread, void** value) noexcept {
  return joined(thread, real::pthread_tryjoin_np(thread, value));
}

FAULTLINE_EXPORT int pthread_timedjoin_np(pthread_t thread, void** value, const timespec* until) {
  before_join(thread, WaitKind::Timed, FAULTLINE_CALL_POINT);
  return joined(thread, real::pthread_timedjoin_np(thread, value, until));
}

FAULTLINE_EXPORT int pthread_clockjoin_np(pthread_t thread, void** value, clockid_t clock,
                                          const timespec* until) {
  before_join(thread, WaitKind::Timed, FAULTLINE_CALL_POINT);
  return joined(thread, real::pthread_clockjoin_np(thread, value, clock, until));
}

FAULTLINE_EXPORT int thrd_join(thrd_t thread, int* value) {
  return waiting_join(thread, FAULTLINE_CALL_POINT, real::thrd_join, value);
}
