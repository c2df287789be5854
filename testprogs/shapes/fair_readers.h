// The two readers of abba_fair_readers and its twin: AB and BA, all read, over locks whose readers queue
// behind writers.
#pragma once

#include <pthread.h>

#include <semaphore>
#include <thread>

inline pthread_rwlock_t lock_a;
inline pthread_rwlock_t lock_b;
inline std::binary_semaphore first_done{0};

inline void init_fair(pthread_rwlock_t* lock) {
  pthread_rwlockattr_t attr;
  pthread_rwlockattr_init(&attr);
  pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(lock, &attr);
  pthread_rwlockattr_destroy(&attr);
}

inline void first_reader() {
  pthread_rwlock_rdlock(&lock_a);
  pthread_rwlock_rdlock(&lock_b);
  pthread_rwlock_unlock(&lock_b);
  pthread_rwlock_unlock(&lock_a);
  first_done.release();
}

inline void second_reader() {
  first_done.acquire();
  pthread_rwlock_rdlock(&lock_b);
  pthread_rwlock_rdlock(&lock_a);
  pthread_rwlock_unlock(&lock_a);
  pthread_rwlock_unlock(&lock_b);
}
