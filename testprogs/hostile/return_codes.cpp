// What the lock functions return, for every kind of lock, where something other than success is due; and
// errno, which none of them may touch.
#include <pthread.h>
#include <time.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

int failures_of_errno = 0;

void show(const char* what, int result) {
  failures_of_errno += errno != 4711;
  errno = 4711;
  std::printf("%-40s %s\n", what, result == 0 ? "0" : strerrorname_np(result));
  errno = 4711;
}

timespec soon(clockid_t clock) {
  timespec limit;
  clock_gettime(clock, &limit);
  limit.tv_nsec += 5'000'000;
  if (limit.tv_nsec >= 1'000'000'000) {
    limit.tv_nsec -= 1'000'000'000;
    ++limit.tv_sec;
  }
  return limit;
}

template <class Function>
void elsewhere(Function function) {
  std::thread([&] {
    errno = 4711;
    function();
  }).join();
}

pthread_mutex_t mutex_of_type(int type, bool robust = false) {
  pthread_mutex_t mutex;
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_settype(&attr, type);
  if (robust) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attr);
  pthread_mutexattr_destroy(&attr);
  return mutex;
}

void errorcheck() {
  pthread_mutex_t m = mutex_of_type(PTHREAD_MUTEX_ERRORCHECK);
  show("errorcheck: unlock of a free one", pthread_mutex_unlock(&m));
  show("errorcheck: lock", pthread_mutex_lock(&m));
  show("errorcheck: lock again", pthread_mutex_lock(&m));
  const timespec limit = soon(CLOCK_REALTIME);
  show("errorcheck: timed lock again", pthread_mutex_timedlock(&m, &limit));
  show("errorcheck: destroy while held", pthread_mutex_destroy(&m));
  elsewhere([&] { show("errorcheck: unlock by another thread", pthread_mutex_unlock(&m)); });
  elsewhere([&] { show("errorcheck: try by another thread", pthread_mutex_trylock(&m)); });
  show("errorcheck: unlock", pthread_mutex_unlock(&m));
}

void normal() {
  pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
  show("normal: lock", pthread_mutex_lock(&m));
  show("normal: try again", pthread_mutex_trylock(&m));
  const timespec real = soon(CLOCK_REALTIME);
  show("normal: timed lock again", pthread_mutex_timedlock(&m, &real));
  const timespec mono = soon(CLOCK_MONOTONIC);
  show("normal: clock lock again", pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &mono));
  show("normal: clock lock on a wrong clock", pthread_mutex_clocklock(&m, CLOCK_PROCESS_CPUTIME_ID, &mono));
  const timespec wrong = {.tv_sec = 0, .tv_nsec = 2'000'000'000};
  show("normal: timed lock with a wrong time", pthread_mutex_timedlock(&m, &wrong));
  show("normal: unlock", pthread_mutex_unlock(&m));
}

void robust() {
  pthread_mutex_t m = mutex_of_type(PTHREAD_MUTEX_NORMAL, true);
  elsewhere([&] { pthread_mutex_lock(&m); });
  show("robust: lock after its owner died", pthread_mutex_lock(&m));
  show("robust: consistent", pthread_mutex_consistent(&m));
  show("robust: unlock", pthread_mutex_unlock(&m));
  show("robust: lock once more", pthread_mutex_lock(&m));
  show("robust: unlock once more", pthread_mutex_unlock(&m));
  elsewhere([&] { pthread_mutex_lock(&m); });
  show("robust: try after its owner died", pthread_mutex_trylock(&m));
  show("robust: unlock without consistent", pthread_mutex_unlock(&m));
  show("robust: lock of what is beyond repair", pthread_mutex_lock(&m));
}

void rwlock() {
  pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
  const timespec limit = soon(CLOCK_REALTIME);
  show("rwlock: write", pthread_rwlock_wrlock(&l));
  show("rwlock: write again", pthread_rwlock_wrlock(&l));
  show("rwlock: read after write", pthread_rwlock_rdlock(&l));
  show("rwlock: try to read after write", pthread_rwlock_tryrdlock(&l));
  elsewhere([&] { show("rwlock: timed read elsewhere", pthread_rwlock_timedrdlock(&l, &limit)); });
  elsewhere([&] { show("rwlock: timed write elsewhere", pthread_rwlock_timedwrlock(&l, &limit)); });
  show("rwlock: unlock", pthread_rwlock_unlock(&l));
  show("rwlock: read", pthread_rwlock_rdlock(&l));
  show("rwlock: read again", pthread_rwlock_rdlock(&l));
  show("rwlock: try to write after read", pthread_rwlock_trywrlock(&l));
  show("rwlock: unlock", pthread_rwlock_unlock(&l));
  show("rwlock: unlock", pthread_rwlock_unlock(&l));
}

void spin() {
  pthread_spinlock_t s;
  show("spin: init", pthread_spin_init(&s, PTHREAD_PROCESS_PRIVATE));
  show("spin: lock", pthread_spin_lock(&s));
  show("spin: try", pthread_spin_trylock(&s));
  show("spin: unlock", pthread_spin_unlock(&s));
  show("spin: destroy", pthread_spin_destroy(&s));
}

void condition() {
  pthread_mutex_t m = mutex_of_type(PTHREAD_MUTEX_ERRORCHECK);
  pthread_cond_t c = PTHREAD_COND_INITIALIZER;
  const timespec limit = soon(CLOCK_REALTIME);
  show("condition: wait without the mutex", pthread_cond_timedwait(&c, &m, &limit));
  show("condition: lock", pthread_mutex_lock(&m));
  show("condition: timed wait", pthread_cond_timedwait(&c, &m, &limit));
  const timespec mono = soon(CLOCK_MONOTONIC);
  show("condition: clock wait", pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &mono));
  show("condition: the mutex is ours again", pthread_mutex_lock(&m));
  show("condition: unlock", pthread_mutex_unlock(&m));
}

int main() {
  errno = 4711;
  errorcheck();
  normal();
  robust();
  rwlock();
  spin();
  condition();
  std::printf("errno touched %d times\n", failures_of_errno);
}
