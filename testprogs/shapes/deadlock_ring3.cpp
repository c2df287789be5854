// Three threads, each with its own lock, each asking for the next one's.
#include <pthread.h>

#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::mutex lock_c;
pthread_barrier_t all_hold;

void first_thread() {
  std::lock_guard a(lock_a);
  pthread_barrier_wait(&all_hold);
  std::lock_guard b(lock_b);
}

void second_thread() {
  std::lock_guard b(lock_b);
  pthread_barrier_wait(&all_hold);
  std::lock_guard c(lock_c);
}

void third_thread() {
  std::lock_guard c(lock_c);
  pthread_barrier_wait(&all_hold);
  std::lock_guard a(lock_a);
}

int main() {
  pthread_barrier_init(&all_hold, nullptr, 3);
  std::thread first(first_thread);
  std::thread second(second_thread);
  std::thread third(third_thread);
  first.join();
  second.join();
  third.join();
}
