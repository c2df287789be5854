// AB and BA over two spin locks.
#include <pthread.h>

#include <semaphore>
#include <thread>

pthread_spinlock_t spin_a;
pthread_spinlock_t spin_b;
std::binary_semaphore first_done{0};

void take_both(pthread_spinlock_t* outer, pthread_spinlock_t* inner) {
  pthread_spin_lock(outer);
  pthread_spin_lock(inner);
  pthread_spin_unlock(inner);
  pthread_spin_unlock(outer);
}

void first_thread() {
  take_both(&spin_a, &spin_b);
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  take_both(&spin_b, &spin_a);
}

int main() {
  pthread_spin_init(&spin_a, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_init(&spin_b, PTHREAD_PROCESS_PRIVATE);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
