// A thread ends with a spin lock that another one spins for already.
#include <pthread.h>

#include <thread>

pthread_spinlock_t lock_a;
pthread_barrier_t held;

void forgetful() {
  pthread_spin_lock(&lock_a);
  pthread_barrier_wait(&held);
}

int main() {
  pthread_spin_init(&lock_a, PTHREAD_PROCESS_PRIVATE);
  pthread_barrier_init(&held, nullptr, 2);
  std::thread thread(forgetful);
  pthread_barrier_wait(&held);
  pthread_spin_lock(&lock_a);
  thread.join();
}
