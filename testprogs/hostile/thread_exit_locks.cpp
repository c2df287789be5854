// Locks in thread_local destructors and in destructors of thread-specific data, which run after them, and
// again when one of them sets its value anew.
#include <pthread.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
pthread_key_t key;

void lock_both(const char* when) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  std::puts(when);
}

struct AtThreadEnd {
  bool used = false;
  ~AtThreadEnd() { lock_both("thread_local destructor"); }
};
thread_local AtThreadEnd at_thread_end;

int rounds = 0;
void key_destructor(void* value) {
  lock_both("key destructor");
  if (++rounds < 3) pthread_setspecific(key, value);
}

int main() {
  pthread_key_create(&key, key_destructor);
  std::thread thread([] {
    at_thread_end.used = true;
    pthread_setspecific(key, &key);
    lock_both("thread");
  });
  thread.join();
  std::printf("key destructor ran %d times\n", rounds);
  at_thread_end.used = true;
}
