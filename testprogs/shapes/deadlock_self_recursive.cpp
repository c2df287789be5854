// A thread takes a recursive mutex that it holds, and one that reports it.
#include <pthread.h>

#include <cerrno>
#include <cstdio>
#include <mutex>

std::recursive_mutex lock_a;

void callback() {
  std::lock_guard again(lock_a);
}

int main() {
  std::lock_guard once(lock_a);
  callback();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t lock_b;
  pthread_mutex_init(&lock_b, &attributes);
  pthread_mutex_lock(&lock_b);
  std::puts(pthread_mutex_lock(&lock_b) == EDEADLK ? "refused" : "taken");
}
