// A join under a lock that the joined thread takes, by the way of joining that is asked for. In this run the
// thread is done with the lock before the joiner takes it.
#include <pthread.h>
#include <threads.h>

#include <cstring>
#include <ctime>
#include <semaphore>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
std::binary_semaphore used{0};

void use_lock() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  used.release();
}

void* worker(void*) {
  use_lock();
  return nullptr;
}

int c11_worker(void*) {
  use_lock();
  return 0;
}

// Waits for the worker, which alone takes the lock.
void* foreman(void* worker_thread) {
  pthread_join(*static_cast<pthread_t*>(worker_thread), nullptr);
  return nullptr;
}

timespec in_a_minute(clockid_t clock) {
  timespec limit;
  clock_gettime(clock, &limit);
  limit.tv_sec += 60;
  return limit;
}

void join(pthread_t thread, const char* way) {
  timespec limit = in_a_minute(CLOCK_REALTIME);
  if (std::strcmp(way, "timed") == 0) {
    pthread_timedjoin_np(thread, nullptr, &limit);
  } else if (std::strcmp(way, "clock") == 0) {
    limit = in_a_minute(CLOCK_MONOTONIC);
    pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &limit);
  } else if (std::strcmp(way, "try") == 0) {
    while (pthread_tryjoin_np(thread, nullptr) != 0) thrd_yield();
  } else if (std::strcmp(way, "c11") == 0) {
    thrd_join(thread, nullptr);
  } else {
    pthread_join(thread, nullptr);
  }
}

[[gnu::noinline]] void join_holding_lock(pthread_t thread, const char* way) {
  pthread_mutex_lock(&lock_a);
  join(thread, way);
  pthread_mutex_unlock(&lock_a);
}

[[gnu::noinline]] void join_without_lock(pthread_t thread, const char* way) {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  join(thread, way);
}

// join_under_lock pthread|timed|clock|try|c11|chain [released]
int main(int count, char** arguments) {
  const char* way = arguments[1];
  pthread_t thread, over_it;
  if (std::strcmp(way, "c11") == 0) {
    thrd_create(&thread, c11_worker, nullptr);
  } else {
    pthread_create(&thread, nullptr, worker, nullptr);
  }
  used.acquire();
  pthread_t* joined = &thread;
  if (std::strcmp(way, "chain") == 0) {
    pthread_create(&over_it, nullptr, foreman, &thread);
    joined = &over_it;
  }
  if (count == 3) {
    join_without_lock(*joined, way);
  } else {
    join_holding_lock(*joined, way);
  }
}
