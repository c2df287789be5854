// An initialiser wants a lock, held by a thread that waits for the initialiser.
#include <pthread.h>

#include <mutex>
#include <thread>

std::mutex config_lock;
pthread_once_t once = PTHREAD_ONCE_INIT;
pthread_barrier_t initialising;

void load_config() {
  pthread_barrier_wait(&initialising);
  std::lock_guard config(config_lock);
}

void first_thread() {
  pthread_once(&once, load_config);
}

void second_thread() {
  std::lock_guard config(config_lock);
  pthread_barrier_wait(&initialising);
  pthread_once(&once, load_config);
}

int main() {
  pthread_barrier_init(&initialising, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
