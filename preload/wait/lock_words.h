// What the memory of a lock says by itself: is it taken, by whom, would a waiter go on.
//
// Layouts are glibc's on x86-64 (struct_mutex.h, struct_rwlock.h, pthread_spin_lock.S, internaltypes.h);
// static assertions in the source hold them. The inline tests read a live lock and are all that a hook's
// common case pays; everything else works on a copy, as what another thread waits for may be gone at any
// moment.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <cstddef>

#include "wait/published_wait.h"

namespace faultline {

// Whether the lock function may block: one load from the lock's own cache line. It may be wrong in both
// directions a moment later.
inline bool looks_taken(const pthread_mutex_t* mutex) {
  return __atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) != 0;
}
// glibc on x86-64: 1 is free.
inline bool looks_taken(const pthread_spinlock_t* lock) {
  return __atomic_load_n(lock, __ATOMIC_RELAXED) <= 0;
}
inline bool looks_taken(const pthread_rwlock_t* lock, Mode mode) {
  constexpr unsigned kWritePhase = 1;
  const unsigned readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);
  // A reader gets in at once where nobody writes; one that lets writers go first, where nobody means to.
  return mode == Mode::SharedRecursive ? (readers & kWritePhase) != 0 : readers != 0;
}

inline bool looks_taken(const sem_t* semaphore) {
  return __atomic_load_n(reinterpret_cast<const unsigned*>(semaphore), __ATOMIC_RELAXED) == 0;
}
// The caller would not be the last one to come.
inline bool looks_incomplete(const pthread_barrier_t* barrier) {
  const auto* words = reinterpret_cast<const unsigned*>(barrier);  // in, round, count
  return __atomic_load_n(words, __ATOMIC_RELAXED) - __atomic_load_n(words + 1, __ATOMIC_RELAXED) + 1 <
         words[2];
}
// Some thread runs the initialiser.
inline bool looks_running(const pthread_once_t* control) {
  return (__atomic_load_n(control, __ATOMIC_RELAXED) & 3) == 1;
}
inline bool looks_running(const long long* guard) {
  return (__atomic_load_n(guard, __ATOMIC_RELAXED) & 0xff01) == 0x100;
}

// A copy of a lock's memory.
union LockWords {
  pthread_mutex_t mutex;
  pthread_rwlock_t rwlock;
  pthread_spinlock_t spin;
  pthread_cond_t condition;
  struct {
    unsigned value, waiters;
    int shared;
  } semaphore;
  struct {
    unsigned in, round, count;
    int shared;
    unsigned out;
  } barrier;
  unsigned once;
  unsigned char guard[8];
};

// How many bytes of it a lock of this kind has; 0 where its memory says nothing to us.
std::size_t words_of(LockKind kind);

// Copies what `wait` waits for, by a system call: it may be gone. False: it is, or it has no words.
bool copy_words(const Awaited& wait, LockWords& words);

// Another process may set a waiter free.
bool is_shared(const Awaited& wait, const LockWords& words);

// The thread that holds the lock by its own account: a kernel id, 0 where it does not say.
int owner_in(const Awaited& wait, const LockWords& words);

// Threads that read it, of an rwlock.
unsigned readers_in(const LockWords& words);

// Whether the lock keeps a waiter of this mode from going on, as far as its words tell; `tid`: of the waiter,
// who may have got it already. Locks whose memory says nothing count as taken.
bool is_taken(const Awaited& wait, const LockWords& words, int tid);

// Whether the lock function would return at once with an error, or a further hold, to the thread `tid` that
// holds the lock already.
bool returns_to_holder(const Awaited& wait, const LockWords& words, int tid);

// A robust mutex whose owner died is handed to the next one who asks.
bool survives_its_holder(const Awaited& wait, const LockWords& words);

// Of `waiters` threads that were seen to wait for one condition, semaphore or barrier, whether all are asleep
// in it and none has been set free: Yes; No: some thread has been, or is on its way in or out; Unsure: look
// again in a moment. Only where this libc's layout is known (`knows_conditions`).
enum class Asleep : std::uint8_t { Yes, No, Unsure };
Asleep all_asleep(const Awaited& wait, const LockWords& words, unsigned waiters);
bool knows_conditions();

}  // namespace faultline
