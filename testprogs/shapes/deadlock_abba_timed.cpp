// The same as deadlock_abba, but one of the two asks for its second lock for a limited time only, and gives
// way.
#include <pthread.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

std::mutex lock_a;
std::timed_mutex lock_b;
pthread_barrier_t both_hold;

void first_thread() {
  std::lock_guard a(lock_a);
  pthread_barrier_wait(&both_hold);
  const bool taken = lock_b.try_lock_for(std::chrono::milliseconds(200));
  if (taken) lock_b.unlock();
  std::puts(taken ? "both" : "gave way");
}

void second_thread() {
  std::lock_guard b(lock_b);
  pthread_barrier_wait(&both_hold);
  std::lock_guard a(lock_a);
}

int main() {
  pthread_barrier_init(&both_hold, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
