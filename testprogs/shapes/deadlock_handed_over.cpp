// A thread whose second lock another one has given back goes on without having noticed; the other one takes
// that lock and waits for the first: nobody waits for it in turn, all end.
#include <pthread.h>
#include <unistd.h>

#include <semaphore>
#include <thread>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
std::binary_semaphore taken{0};
std::binary_semaphore given_back{0};

void first_thread() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_lock(&lock_b);
  taken.release();
  given_back.acquire();
  usleep(200000);  // the other one waits by now
  pthread_mutex_unlock(&lock_a);
}

int main() {
  std::thread first(first_thread);
  taken.acquire();
  pthread_mutex_unlock(&lock_b);
  pthread_mutex_lock(&lock_b);
  given_back.release();
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  pthread_mutex_unlock(&lock_b);
  first.join();
}
