// A semaphore that begins at 1 but is a signal: whoever has waited for it waits again, counting on another
// thread's post; and it is posted when nobody has waited.
#include <pthread.h>
#include <semaphore.h>

#include <ctime>
#include <thread>

sem_t items;
pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;

void use_lock() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
}

void produce(int count) {
  std::thread([count] {
    pthread_mutex_lock(&lock_a);
    for (int i = 0; i < count; ++i) sem_post(&items);
    // Would be lock_a -> items, were it still a lock.
    sem_wait(&items);
    sem_post(&items);
    pthread_mutex_unlock(&lock_a);
  }).join();
}

int main() {
  sem_init(&items, 0, 1);
  sem_wait(&items);
  const timespec past = {.tv_sec = 1, .tv_nsec = 0};
  sem_timedwait(&items, &past);
  produce(2);
  sem_wait(&items);
  use_lock();
  sem_wait(&items);
  use_lock();
}
