// A thread is joined by whoever holds the lock it wants.
#include <pthread.h>

#include <mutex>
#include <thread>

std::mutex lock_a;
pthread_barrier_t held;

void worker() {
  pthread_barrier_wait(&held);
  std::lock_guard a(lock_a);
}

int main() {
  pthread_barrier_init(&held, nullptr, 2);
  std::thread thread(worker);
  std::lock_guard a(lock_a);
  pthread_barrier_wait(&held);
  thread.join();
}
