// pthread_cond_*wait: the mutex is given up and taken again inside libc, where no hook sees it.
#include <errno.h>

#include "hooks/condition_wait.h"
#include "hooks/hook.h"
#include "runtime.h"

using namespace faultline;

FAULTLINE_EXPORT int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return condition_wait(condition, mutex, WaitKind::Blocking, FAULTLINE_CALL_POINT, ETIMEDOUT,
                        [=] { return real::pthread_cond_wait(condition, mutex); });
}

FAULTLINE_EXPORT int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                            const timespec* until) {
  return condition_wait(condition, mutex, WaitKind::Timed, FAULTLINE_CALL_POINT, ETIMEDOUT,
                        [=] { return real::pthread_cond_timedwait(condition, mutex, until); });
}

FAULTLINE_EXPORT int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                            clockid_t clock, const timespec* until) {
  return condition_wait(condition, mutex, WaitKind::Timed, FAULTLINE_CALL_POINT, ETIMEDOUT,
                        [=] { return real::pthread_cond_clockwait(condition, mutex, clock, until); });
}
