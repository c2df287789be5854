// Two threads meet at a barrier, one of them with a lock held that the other has used before.
#include <pthread.h>

#include <semaphore>
#include <thread>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_barrier_t meeting;
std::binary_semaphore used{0};

void first_thread() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  used.release();
  pthread_barrier_wait(&meeting);
}

void second_thread() {
  used.acquire();
  pthread_mutex_lock(&lock_a);
  pthread_barrier_wait(&meeting);
  pthread_mutex_unlock(&lock_a);
}

int main() {
  pthread_barrier_init(&meeting, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
  pthread_barrier_destroy(&meeting);
}
