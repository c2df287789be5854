// A spin lock and a mutex in two orders: one thread sleeps, the other spins.
#include <pthread.h>

#include <mutex>
#include <thread>

pthread_spinlock_t lock_a;
std::mutex lock_b;
pthread_barrier_t both_hold;

void first_thread() {
  pthread_spin_lock(&lock_a);
  pthread_barrier_wait(&both_hold);
  std::lock_guard b(lock_b);
}

void second_thread() {
  std::lock_guard b(lock_b);
  pthread_barrier_wait(&both_hold);
  pthread_spin_lock(&lock_a);
}

int main() {
  pthread_spin_init(&lock_a, PTHREAD_PROCESS_PRIVATE);
  pthread_barrier_init(&both_hold, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
