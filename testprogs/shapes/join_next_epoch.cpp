// A worker takes a lock, with nothing else held, before and after it starts a thread, at one call point; that
// thread joins it with the lock held. Only the second time can be waited for.
#include <pthread.h>

#include <semaphore>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_t worker;
std::binary_semaphore unlocked{0};
std::binary_semaphore joined{0};

void* joiner(void*) {
  unlocked.acquire();
  pthread_mutex_lock(&lock_a);
  pthread_join(worker, nullptr);
  pthread_mutex_unlock(&lock_a);
  joined.release();
  return nullptr;
}

[[gnu::noinline]] void touch() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
}

void* work(void*) {
  volatile int times = 2;  // one call point: not unrolled
  for (int i = 0; i < times; ++i) {
    touch();
    if (i > 0) continue;
    pthread_t thread;
    pthread_create(&thread, nullptr, joiner, nullptr);
    pthread_detach(thread);
  }
  unlocked.release();
  return nullptr;
}

int main() {
  pthread_create(&worker, nullptr, work, nullptr);
  joined.acquire();
}
