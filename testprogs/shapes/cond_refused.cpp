// A condition wait with a mutex that the thread does not hold is refused and does not take it: what the
// thread locks next it locks with nothing held.
#include <pthread.h>

#include <cerrno>
#include <semaphore>
#include <thread>

pthread_mutex_t state_lock = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
std::binary_semaphore waited{0};
int refusal = 0;

void waiter() {
  const timespec past = {.tv_sec = 0, .tv_nsec = 0};
  refusal = pthread_cond_timedwait(&changed, &state_lock, &past);
  pthread_mutex_lock(&queue_lock);
  pthread_mutex_unlock(&queue_lock);
  waited.release();
}

void submitter() {
  waited.acquire();
  pthread_mutex_lock(&queue_lock);
  pthread_mutex_lock(&state_lock);
  pthread_mutex_unlock(&state_lock);
  pthread_mutex_unlock(&queue_lock);
}

int main() {
  std::thread first(waiter);
  std::thread second(submitter);
  first.join();
  second.join();
  return refusal == EPERM ? 0 : 1;
}
