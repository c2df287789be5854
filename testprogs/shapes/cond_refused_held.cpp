// The threads of cond_refused, but the waiter holds its mutex and is refused for its deadline, which is no
// time: it holds the mutex still.
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
  const timespec never = {.tv_sec = 0, .tv_nsec = -1};
  pthread_mutex_lock(&state_lock);
  refusal = pthread_cond_timedwait(&changed, &state_lock, &never);
  pthread_mutex_lock(&queue_lock);
  pthread_mutex_unlock(&queue_lock);
  pthread_mutex_unlock(&state_lock);
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
  return refusal == EINVAL ? 0 : 1;
}
