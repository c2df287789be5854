// The same as deadlock_rwlock, but both only read the table.
#include <pthread.h>

#include <mutex>
#include <shared_mutex>
#include <thread>

std::shared_mutex table_lock;
std::mutex index_lock;
pthread_barrier_t both_hold;

void first_thread() {
  std::shared_lock table(table_lock);
  pthread_barrier_wait(&both_hold);
  std::lock_guard index(index_lock);
}

void second_thread() {
  std::lock_guard index(index_lock);
  pthread_barrier_wait(&both_hold);
  std::shared_lock table(table_lock);
}

int main() {
  pthread_barrier_init(&both_hold, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
