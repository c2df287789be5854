// Two spin locks, taken in the same order by both threads.
#include <pthread.h>

#include <thread>

pthread_spinlock_t spin_a;
pthread_spinlock_t spin_b;

void take_both() {
  pthread_spin_lock(&spin_a);
  pthread_spin_lock(&spin_b);
  pthread_spin_unlock(&spin_b);
  pthread_spin_unlock(&spin_a);
}

int main() {
  pthread_spin_init(&spin_a, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_init(&spin_b, PTHREAD_PROCESS_PRIVATE);
  std::thread first(take_both);
  std::thread second(take_both);
  first.join();
  second.join();
}
