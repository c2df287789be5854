// Two readers both want to write, and keep reading until they may.
#include <pthread.h>

#include <thread>

pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
pthread_barrier_t both_read;

void update() {
  pthread_rwlock_rdlock(&table_lock);
  pthread_barrier_wait(&both_read);
  pthread_rwlock_wrlock(&table_lock);
}

int main() {
  pthread_barrier_init(&both_read, nullptr, 2);
  std::thread first(update);
  std::thread second(update);
  first.join();
  second.join();
}
