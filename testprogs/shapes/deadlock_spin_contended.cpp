// A spin lock and a mutex in one order by two threads, often at once.
#include <pthread.h>

#include <mutex>
#include <thread>

pthread_spinlock_t lock_a;
std::mutex lock_b;

void work() {
  for (int i = 0; i < 20000; ++i) {
    std::lock_guard b(lock_b);
    pthread_spin_lock(&lock_a);
    pthread_spin_unlock(&lock_a);
  }
}

int main() {
  pthread_spin_init(&lock_a, PTHREAD_PROCESS_PRIVATE);
  std::thread first(work);
  std::thread second(work);
  for (int i = 0; i < 20000; ++i) {
    pthread_spin_lock(&lock_a);
    pthread_spin_unlock(&lock_a);
  }
  first.join();
  second.join();
}
