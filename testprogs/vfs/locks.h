// The model's locks: plain pthread locks that the validator sees under the names the kernel uses for them.
//
// Rwsem is the kernel's rw_semaphore: a reader queues behind a waiting writer, and nobody may take it twice;
// among glibc's rwlocks that is PREFER_WRITER_NONRECURSIVE. Mutex is any exclusive lock of the model, the bit
// lock of a page included. Both fit std::lock_guard, std::unique_lock and std::shared_lock. A lock call that
// fails is a mistake of the model and ends the program.
#pragma once

#include <faultline/annotate.h>
#include <pthread.h>

#include <cerrno>
#include <mutex>
#include <shared_mutex>

#include "panic.h"

namespace tvfs {

class Rwsem {
 public:
  explicit Rwsem(const char* name) {
    pthread_rwlockattr_t attributes;
    must(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
    must(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP),
         "pthread_rwlockattr_setkind_np");
    must(pthread_rwlock_init(&lock_, &attributes), "pthread_rwlock_init");
    must(pthread_rwlockattr_destroy(&attributes), "pthread_rwlockattr_destroy");
    faultline_name_rwlock(&lock_, name);
  }
  ~Rwsem() { must(pthread_rwlock_destroy(&lock_), "pthread_rwlock_destroy"); }
  Rwsem(const Rwsem&) = delete;
  Rwsem& operator=(const Rwsem&) = delete;

  void lock() { must(pthread_rwlock_wrlock(&lock_), "pthread_rwlock_wrlock"); }
  void unlock() { must(pthread_rwlock_unlock(&lock_), "pthread_rwlock_unlock"); }
  void lock_shared() { must(pthread_rwlock_rdlock(&lock_), "pthread_rwlock_rdlock"); }
  void unlock_shared() { must(pthread_rwlock_unlock(&lock_), "pthread_rwlock_unlock"); }
  pthread_rwlock_t* native_handle() { return &lock_; }

 private:
  pthread_rwlock_t lock_;
};

class Mutex {
 public:
  explicit Mutex(const char* name) { faultline_name_mutex(&lock_, name); }
  ~Mutex() { must(pthread_mutex_destroy(&lock_), "pthread_mutex_destroy"); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { must(pthread_mutex_lock(&lock_), "pthread_mutex_lock"); }
  void unlock() { must(pthread_mutex_unlock(&lock_), "pthread_mutex_unlock"); }
  bool try_lock() {
    const int error = pthread_mutex_trylock(&lock_);
    if (error != EBUSY) must(error, "pthread_mutex_trylock");
    return error == 0;
  }
  pthread_mutex_t* native_handle() { return &lock_; }

 private:
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
};

}  // namespace tvfs
