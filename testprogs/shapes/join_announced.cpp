// A thread says under the lock that it is done with it, and ends; who waited for that joins it, the lock
// still held. No schedule of this program hangs, though the lock orders alone would let it.
#include <pthread.h>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t is_done = PTHREAD_COND_INITIALIZER;
bool done = false;

void* worker(void*) {
  pthread_mutex_lock(&lock_a);
  done = true;
  pthread_cond_signal(&is_done);
  pthread_mutex_unlock(&lock_a);
  return nullptr;
}

[[gnu::noinline]] void join_announced(pthread_t thread) {
  while (!done) pthread_cond_wait(&is_done, &lock_a);
  pthread_join(thread, nullptr);
}

int main() {
  pthread_t thread;
  pthread_mutex_lock(&lock_a);
  pthread_create(&thread, nullptr, worker, nullptr);
  join_announced(thread);
  pthread_mutex_unlock(&lock_a);
}
