// AB and BA where the second thread's wait for A is made by the function that is asked for, which waits for a
// limited time. With "ranked" it takes A first.
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <semaphore>
#include <thread>

pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
// A, by what kind of lock it is.
pthread_mutex_t mutex_a = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t rwlock_a = PTHREAD_RWLOCK_INITIALIZER;
mtx_t c11_a;
sem_t semaphore_a;
std::binary_semaphore first_done{0};

struct Way {
  const char* name;
  void (*take)();
  int (*take_timed)(const timespec& until);
  void (*release)();
  clockid_t clock;
};

void take_mutex() {
  pthread_mutex_lock(&mutex_a);
}
void release_mutex() {
  pthread_mutex_unlock(&mutex_a);
}
void take_rwlock() {
  pthread_rwlock_wrlock(&rwlock_a);
}
void release_rwlock() {
  pthread_rwlock_unlock(&rwlock_a);
}
void take_c11() {
  mtx_lock(&c11_a);
}
void release_c11() {
  mtx_unlock(&c11_a);
}
void take_semaphore() {
  sem_wait(&semaphore_a);
}
void release_semaphore() {
  sem_post(&semaphore_a);
}

constexpr clockid_t kReal = CLOCK_REALTIME;
constexpr clockid_t kSteady = CLOCK_MONOTONIC;

const Way ways[] = {
    {"mutex_timedlock", take_mutex, [](const timespec& t) { return pthread_mutex_timedlock(&mutex_a, &t); },
     release_mutex, kReal},
    {"mutex_clocklock", take_mutex,
     [](const timespec& t) { return pthread_mutex_clocklock(&mutex_a, kSteady, &t); }, release_mutex,
     kSteady},
    {"rwlock_timedrdlock", take_rwlock,
     [](const timespec& t) { return pthread_rwlock_timedrdlock(&rwlock_a, &t); }, release_rwlock, kReal},
    {"rwlock_timedwrlock", take_rwlock,
     [](const timespec& t) { return pthread_rwlock_timedwrlock(&rwlock_a, &t); }, release_rwlock, kReal},
    {"rwlock_clockrdlock", take_rwlock,
     [](const timespec& t) { return pthread_rwlock_clockrdlock(&rwlock_a, kSteady, &t); }, release_rwlock,
     kSteady},
    {"rwlock_clockwrlock", take_rwlock,
     [](const timespec& t) { return pthread_rwlock_clockwrlock(&rwlock_a, kSteady, &t); }, release_rwlock,
     kSteady},
    {"mtx_timedlock", take_c11, [](const timespec& t) { return mtx_timedlock(&c11_a, &t); }, release_c11,
     kReal},
    {"sem_timedwait", take_semaphore, [](const timespec& t) { return sem_timedwait(&semaphore_a, &t); },
     release_semaphore, kReal},
    {"sem_clockwait", take_semaphore,
     [](const timespec& t) { return sem_clockwait(&semaphore_a, kSteady, &t); }, release_semaphore, kSteady},
};

void first_thread(const Way& way) {
  way.take();
  pthread_mutex_lock(&lock_b);
  pthread_mutex_unlock(&lock_b);
  way.release();
  first_done.release();
}

timespec in_a_minute(clockid_t clock) {
  timespec limit;
  clock_gettime(clock, &limit);
  limit.tv_sec += 60;
  return limit;
}

void second_thread(const Way& way) {
  first_done.acquire();
  pthread_mutex_lock(&lock_b);
  if (way.take_timed(in_a_minute(way.clock)) != 0) std::abort();
  way.release();
  pthread_mutex_unlock(&lock_b);
}

void ranked_thread(const Way& way) {
  first_done.acquire();
  if (way.take_timed(in_a_minute(way.clock)) != 0) std::abort();
  pthread_mutex_lock(&lock_b);
  pthread_mutex_unlock(&lock_b);
  way.release();
}

// abba_timed_calls FUNCTION [ranked]
int main(int count, char** arguments) {
  mtx_init(&c11_a, mtx_timed);
  sem_init(&semaphore_a, 0, 1);
  for (const Way& way : ways) {
    if (std::strcmp(way.name, arguments[1]) != 0) continue;
    std::thread first([&] { first_thread(way); });
    std::thread second([&] { count == 3 ? ranked_thread(way) : second_thread(way); });
    first.join();
    second.join();
    return 0;
  }
  return 2;
}
