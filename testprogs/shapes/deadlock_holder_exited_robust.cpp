// A thread ends with a robust lock: the next one gets it, and is told.
#include <pthread.h>

#include <cerrno>
#include <cstdio>
#include <thread>

pthread_mutex_t lock_a;

int main() {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&lock_a, &attributes);
  std::thread([] { pthread_mutex_lock(&lock_a); }).join();
  const int result = pthread_mutex_lock(&lock_a);
  std::puts(result == EOWNERDEAD ? "owner died" : "locked");
  pthread_mutex_consistent(&lock_a);
  pthread_mutex_unlock(&lock_a);
}
