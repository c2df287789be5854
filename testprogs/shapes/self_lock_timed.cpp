// A normal mutex wanted again by its own holder, with a time limit: without one this thread would hang for
// ever.
#include <pthread.h>
#include <time.h>

#include <cerrno>
#include <cstdio>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;

int relock() {
  timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_nsec += 20'000'000;
  if (limit.tv_nsec >= 1'000'000'000) {
    limit.tv_nsec -= 1'000'000'000;
    ++limit.tv_sec;
  }
  return pthread_mutex_timedlock(&lock_a, &limit);
}

int main() {
  pthread_mutex_lock(&lock_a);
  const int result = relock();
  pthread_mutex_unlock(&lock_a);
  std::puts(result == ETIMEDOUT ? "timed out" : "unexpected");
}
