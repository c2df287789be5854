// glibc's own lock operations where no thread waits, inlined: the lock word is tried here, and libc's
// function is called only where it cannot be had at once. That saves the call and libc's look at the lock's
// type, which is about what watching costs.
//
// The protocol is that of glibc 2.34 to 2.41 on x86-64 (nptl/pthread_mutex_lock.c, pthread_rwlock_common.c,
// pthread_spin_lock.S); inline_lock_functions() says whether this process has one of these and the locks'
// real functions are libc's own, else everything here is refused and libc's functions are called. A lock is
// in the same state afterwards as if libc had taken it, so both may be mixed.
//
// Nothing here waits, fails or records. `tid`: the calling thread's kernel id, as libc has it.
#pragma once

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>

#include "raw_syscall.h"

namespace faultline::libc {

// The highest mutex kind taken inline: recursive, or -1 for none.
extern constinit int inlined_mutex_kinds;
extern constinit bool inlines_others;  // rwlocks and spinlocks

// Decides it. Once, by the constructor.
void inline_lock_functions(bool wanted);

// Normal or recursive: not robust, not shared, without a priority protocol, not elided. An explicit
// PTHREAD_MUTEX_NORMAL carries a bit that says so.
inline int kind_of(const pthread_mutex_t* mutex) {
  constexpr int kNoElision = 512;
  return mutex->__data.__kind & ~kNoElision;
}
inline bool is_plain(const pthread_mutex_t* mutex) {
  return static_cast<unsigned>(kind_of(mutex)) <= PTHREAD_MUTEX_RECURSIVE_NP;
}

// What pthread_mutex_init makes of a mutex without attributes.
inline void make(pthread_mutex_t* mutex) {
  *mutex = PTHREAD_MUTEX_INITIALIZER;
}

inline void wake(unsigned* word, int threads) {
  sys::call(SYS_futex, sys::as_long(word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, threads);
}

// A normal mutex, if it is free.
[[gnu::always_inline]] inline bool take(pthread_mutex_t* mutex, int tid) {
  int free = 0;
  if (!__atomic_compare_exchange_n(&mutex->__data.__lock, &free, 1, false, __ATOMIC_ACQUIRE,
                                   __ATOMIC_RELAXED))
    return false;
  mutex->__data.__owner = tid;
  ++mutex->__data.__nusers;
  return true;
}
// A normal mutex that the caller holds.
[[gnu::always_inline]] inline void give(pthread_mutex_t* mutex) {
  mutex->__data.__owner = 0;
  --mutex->__data.__nusers;
  if (__builtin_expect(__atomic_exchange_n(&mutex->__data.__lock, 0, __ATOMIC_RELEASE) > 1, 0))
    wake(reinterpret_cast<unsigned*>(&mutex->__data.__lock), 1);
}

// A recursive mutex, if it is free or the caller's already.
[[gnu::always_inline]] inline bool take_recursive(pthread_mutex_t* mutex, int tid) {
  if (mutex->__data.__owner == tid) {
    if (mutex->__data.__count + 1 == 0) return false;
    ++mutex->__data.__count;
    return true;
  }
  if (!take(mutex, tid)) return false;
  mutex->__data.__count = 1;
  return true;
}
// A recursive mutex whose owner the caller is.
[[gnu::always_inline]] inline void give_recursive(pthread_mutex_t* mutex) {
  if (--mutex->__data.__count == 0) give(mutex);
}

// Of an rwlock's `__readers`: write phase, locked for writing, readers wait; the count of readers above them.
inline constexpr unsigned kWritePhase = 1;
inline constexpr unsigned kWriteLocked = 2;
inline constexpr unsigned kFlags = 7;
inline constexpr unsigned kOneReader = 8;
inline constexpr unsigned kNearlyTooMany = 1u << 31;
// Of its two futex words: somebody may wait there.
inline constexpr unsigned kUsed = 2;

// An rwlock that prefers readers and belongs to this process: no writer is there or waits. Nor is the caller
// its writer then.
[[gnu::always_inline]] inline bool take_shared(pthread_rwlock_t* lock) {
  unsigned readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);
  if ((readers & (kFlags | kNearlyTooMany)) != 0) return false;
  return __atomic_compare_exchange_n(&lock->__data.__readers, &readers, readers + kOneReader, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
// One that the caller holds; false: somebody waits.
[[gnu::always_inline]] inline bool give_shared(pthread_rwlock_t* lock) {
  unsigned readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);
  if ((readers & kFlags) != 0) return false;
  return __atomic_compare_exchange_n(&lock->__data.__readers, &readers, readers - kOneReader, false,
                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
// For writing: nobody has it, and it stayed in the write phase since its last writer.
[[gnu::always_inline]] inline bool take_exclusive(pthread_rwlock_t* lock, int tid) {
  unsigned expected = kWritePhase;
  if (!__atomic_compare_exchange_n(&lock->__data.__readers, &expected, kWritePhase | kWriteLocked, false,
                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return false;
  // Tells later writers that they may wait on this word.
  __atomic_store_n(&lock->__data.__writers_futex, 1, __ATOMIC_RELAXED);
  __atomic_store_n(&lock->__data.__cur_writer, tid, __ATOMIC_RELAXED);
  return true;
}

// By its writer. It stays in the write phase, unless readers have come: then it is theirs.
[[gnu::always_inline]] inline void give_exclusive(pthread_rwlock_t* lock) {
  auto& data = lock->__data;
  __atomic_store_n(&data.__cur_writer, 0, __ATOMIC_RELAXED);
  const unsigned writers = __atomic_exchange_n(&data.__writers_futex, 0, __ATOMIC_RELAXED);
  unsigned readers = kWritePhase | kWriteLocked;
  for (;;) {
    const bool handed_over = readers >= kOneReader;
    const unsigned free = (readers ^ kWriteLocked) ^ (handed_over ? kWritePhase : 0);
    if (!__atomic_compare_exchange_n(&data.__readers, &readers, free, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED))
      continue;
    if (handed_over && (__atomic_exchange_n(&data.__wrphase_futex, 0, __ATOMIC_RELAXED) & kUsed) != 0)
      wake(&data.__wrphase_futex, INT_MAX);
    break;
  }
  if (__builtin_expect((writers & kUsed) != 0, 0)) wake(&data.__writers_futex, 1);
}

// A spinlock: 1 is free.
// NOLINTNEXTLINE(readability-non-const-parameter): a builtin writes it
[[gnu::always_inline]] inline bool take(pthread_spinlock_t* lock) {
  int free = 1;
  return __atomic_compare_exchange_n(lock, &free, 0, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
// NOLINTNEXTLINE(readability-non-const-parameter): a builtin writes it
[[gnu::always_inline]] inline void give(pthread_spinlock_t* lock) {
  __atomic_store_n(lock, 1, __ATOMIC_RELEASE);
}

}  // namespace faultline::libc
