// AB and BA over mutexes of the type or protocol that is asked for. With "ranked" both threads take A first.
#include <pthread.h>

#include <cstdio>
#include <cstring>
#include <semaphore>
#include <thread>

pthread_mutex_t lock_a;
pthread_mutex_t lock_b;
std::binary_semaphore first_done{0};

pthread_mutexattr_t attributes_of(const char* type) {
  const auto is = [&](const char* name) { return std::strcmp(type, name) == 0; };
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (is("recursive")) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  if (is("errorcheck")) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  if (is("adaptive")) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
  if (is("robust")) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (is("inherit")) pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  if (is("protect")) pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT);
  if (is("shared")) pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  return attributes;
}

void first_thread() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_lock(&lock_b);
  pthread_mutex_unlock(&lock_b);
  pthread_mutex_unlock(&lock_a);
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  pthread_mutex_lock(&lock_b);
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  pthread_mutex_unlock(&lock_b);
}

// abba_mutex_types TYPE [ranked]
int main(int count, char** arguments) {
  const pthread_mutexattr_t attributes = attributes_of(arguments[1]);
  pthread_mutex_init(&lock_a, &attributes);
  pthread_mutex_init(&lock_b, &attributes);
  if (std::strcmp(arguments[1], "protect") == 0) {
    // A priority ceiling means something to real-time threads only; created threads inherit the policy.
    const sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    if (const int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest); error != 0) {
      std::printf("skipped: no real-time thread can be made here: %s\n", strerrorname_np(error));
      return 77;
    }
  }
  std::thread first(first_thread);
  std::thread second(count == 3 ? [] { first_done.acquire(), first_thread(); } : second_thread);
  first.join();
  second.join();
}
