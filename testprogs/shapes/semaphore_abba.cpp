// A mutex under a semaphore in one thread, the semaphore under the mutex in another. Initialised to 1 the
// semaphore is a lock; initialised to 2 it lets both threads in.
#include <pthread.h>
#include <semaphore.h>

#include <cstdlib>
#include <semaphore>
#include <thread>

sem_t permit;
pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
std::binary_semaphore first_done{0};

void first_thread() {
  sem_wait(&permit);
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  sem_post(&permit);
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  pthread_mutex_lock(&lock_a);
  sem_wait(&permit);
  sem_post(&permit);
  pthread_mutex_unlock(&lock_a);
}

// semaphore_abba INITIAL-VALUE
int main(int, char** arguments) {
  sem_init(&permit, 0, static_cast<unsigned>(std::atoi(arguments[1])));
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
  sem_destroy(&permit);
}
