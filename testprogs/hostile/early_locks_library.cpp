// The library of early_locks. It needs nothing but libc, so its constructor may run before a preload's.
#include <pthread.h>

pthread_mutex_t library_lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t library_lock_b = PTHREAD_MUTEX_INITIALIZER;
int library_rounds = 0;

namespace {

void* lock_both(void* unused) {
  pthread_mutex_lock(&library_lock_a);
  pthread_mutex_lock(&library_lock_b);
  ++library_rounds;
  pthread_mutex_unlock(&library_lock_b);
  pthread_mutex_unlock(&library_lock_a);
  return unused;
}

[[gnu::constructor(101)]] void construct() {
  lock_both(nullptr);
  pthread_t thread;
  pthread_create(&thread, nullptr, lock_both, nullptr);
  pthread_join(thread, nullptr);
  pthread_mutex_lock(&library_lock_a);  // held over the start of everything else
}

[[gnu::destructor(101)]] void destruct() {
  lock_both(nullptr);
}

}  // namespace

extern "C" void library_is_ready() {
  pthread_mutex_unlock(&library_lock_a);
}
