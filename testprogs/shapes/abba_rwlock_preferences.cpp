// Each thread writes one rwlock and then reads the other, with the preference that is asked for. With
// "ranked" both write A and read B.
#include <pthread.h>

#include <cstring>
#include <semaphore>
#include <thread>

pthread_rwlock_t lock_a;
pthread_rwlock_t lock_b;
std::binary_semaphore first_done{0};

int preference(const char* name) {
  if (std::strcmp(name, "writer") == 0) return PTHREAD_RWLOCK_PREFER_WRITER_NP;
  if (std::strcmp(name, "writer-nonrecursive") == 0) return PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
  return PTHREAD_RWLOCK_PREFER_READER_NP;
}

void first_thread() {
  pthread_rwlock_wrlock(&lock_a);
  pthread_rwlock_rdlock(&lock_b);
  pthread_rwlock_unlock(&lock_b);
  pthread_rwlock_unlock(&lock_a);
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  pthread_rwlock_wrlock(&lock_b);
  pthread_rwlock_rdlock(&lock_a);
  pthread_rwlock_unlock(&lock_a);
  pthread_rwlock_unlock(&lock_b);
}

// abba_rwlock_preferences reader|writer|writer-nonrecursive [ranked]
int main(int count, char** arguments) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setkind_np(&attributes, preference(arguments[1]));
  pthread_rwlock_init(&lock_a, &attributes);
  pthread_rwlock_init(&lock_b, &attributes);
  std::thread first(first_thread);
  std::thread second(count == 3 ? [] { first_done.acquire(), first_thread(); } : second_thread);
  first.join();
  second.join();
}
