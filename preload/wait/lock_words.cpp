#include "wait/lock_words.h"

#include <stddef.h>

#include <cstring>

#include "sys/libc_version.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

static_assert(sizeof(sem_t) == 32 && sizeof(pthread_barrier_t) == 32 && sizeof(pthread_cond_t) == 48);
static_assert(offsetof(pthread_mutex_t, __data.__owner) == 8);
static_assert(offsetof(pthread_rwlock_t, __data.__cur_writer) == 24);
static_assert(offsetof(pthread_cond_t, __data.__wrefs) == 36);

// Bits of a mutex's __kind (nptl/pthreadP.h).
constexpr int kMutexRobust = 16;
constexpr int kMutexShared = 128;

// Bits of an rwlock's __readers (nptl/pthread_rwlock_common.c).
constexpr unsigned kWritePhase = 1;
constexpr unsigned kWriteLocked = 2;
constexpr unsigned kReaderShift = 3;

constexpr unsigned kOnceRunning = 1;  // and kOnceDone is not set
constexpr unsigned kOnceDone = 2;

// Byte 0 of a static variable's guard says that it is initialised, byte 1 that somebody is at it.
constexpr int kGuardDone = 0;
constexpr int kGuardPending = 1;

}  // namespace

std::size_t words_of(LockKind kind) {
  switch (kind) {
    case LockKind::Mutex:
      return sizeof(pthread_mutex_t);
    case LockKind::Rwlock:
      return sizeof(pthread_rwlock_t);
    case LockKind::Spin:
      return sizeof(pthread_spinlock_t);
    case LockKind::Semaphore:
      return sizeof(LockWords::semaphore);
    case LockKind::Barrier:
      return sizeof(LockWords::barrier);
    case LockKind::Once:
      return sizeof(LockWords::once);
    case LockKind::StaticGuard:
      return sizeof(LockWords::guard);
    default:
      return 0;
  }
}

bool copy_words(const Awaited& wait, LockWords& words) {
  const std::size_t size = wait.is_condition() ? sizeof(pthread_cond_t) : words_of(wait.kind);
  return size != 0 && sys::probe_own_memory(&words, const_cast<const void*>(wait.object), size) == 0;
}

bool is_shared(const Awaited& wait, const LockWords& words) {
  if (wait.is_condition()) return (words.condition.__data.__wrefs & 1) != 0;
  switch (wait.kind) {
    case LockKind::Mutex:
      return (words.mutex.__data.__kind & kMutexShared) != 0;
    case LockKind::Rwlock:
      return words.rwlock.__data.__shared != 0;
    case LockKind::Semaphore:
      return words.semaphore.shared != 0;
    case LockKind::Barrier:
      return words.barrier.shared != 0;
    default:
      return false;
  }
}

int owner_in(const Awaited& wait, const LockWords& words) {
  if (wait.is_condition()) return 0;
  if (wait.kind == LockKind::Mutex) return words.mutex.__data.__lock != 0 ? words.mutex.__data.__owner : 0;
  return wait.kind == LockKind::Rwlock ? words.rwlock.__data.__cur_writer : 0;
}

unsigned readers_in(const LockWords& words) {
  const unsigned readers = words.rwlock.__data.__readers;
  // In a write phase they are those that wait for it to end.
  return (readers & kWritePhase) != 0 ? 0 : readers >> kReaderShift;
}

bool is_taken(const Awaited& wait, const LockWords& words, int tid) {
  switch (wait.kind) {
    case LockKind::Mutex:
      return words.mutex.__data.__lock != 0 && words.mutex.__data.__owner != tid;
    case LockKind::Rwlock: {
      const unsigned readers = words.rwlock.__data.__readers;
      if (words.rwlock.__data.__cur_writer == tid) return false;
      if (wait.mode == Mode::Exclusive)
        return words.rwlock.__data.__cur_writer != 0 || readers_in(words) != 0;
      if ((readers & kWritePhase) != 0) return words.rwlock.__data.__cur_writer != 0;
      return wait.mode == Mode::SharedFair && (readers & kWriteLocked) != 0 && readers_in(words) != 0;
    }
    case LockKind::Spin:
      return words.spin <= 0;
    case LockKind::Semaphore:
      return words.semaphore.value == 0;
    case LockKind::Once:
      return (words.once & kOnceRunning) != 0 && (words.once & kOnceDone) == 0;
    case LockKind::StaticGuard:
      return words.guard[kGuardDone] == 0 && words.guard[kGuardPending] != 0;
    default:
      return true;
  }
}

bool returns_to_holder(const Awaited& wait, const LockWords& words, int tid) {
  if (owner_in(wait, words) != tid) return false;
  if (wait.kind == LockKind::Rwlock) return true;  // EDEADLK
  const int type = words.mutex.__data.__kind & 3;
  return type == PTHREAD_MUTEX_RECURSIVE_NP || type == PTHREAD_MUTEX_ERRORCHECK_NP;
}

bool survives_its_holder(const Awaited& wait, const LockWords& words) {
  // Any thread may post a semaphore.
  if (wait.kind == LockKind::Semaphore) return true;
  return wait.kind == LockKind::Mutex && !wait.is_condition() &&
         (words.mutex.__data.__kind & kMutexRobust) != 0;
}

Asleep all_asleep(const Awaited& wait, const LockWords& words, unsigned waiters) {
  if (wait.is_condition()) {
    const auto& data = words.condition.__data;
    if (data.__g_signals[0] != 0 || data.__g_signals[1] != 0) return Asleep::No;
    // Registered are those from before they give up the mutex until they have taken their signal; whoever is
    // asleep counts in its group, too.
    if (data.__wrefs >> 3 != waiters) return Asleep::No;
    return (data.__g_refs[0] >> 1) + (data.__g_refs[1] >> 1) == waiters ? Asleep::Yes : Asleep::Unsure;
  }
  if (wait.kind == LockKind::Semaphore)
    return words.semaphore.value == 0 && words.semaphore.waiters == waiters ? Asleep::Yes : Asleep::No;
  if (wait.kind == LockKind::Barrier) {
    const unsigned arrived = words.barrier.in - words.barrier.round;
    return arrived == waiters && arrived < words.barrier.count ? Asleep::Yes : Asleep::No;
  }
  return Asleep::No;
}

bool knows_conditions() {
  // 2.25 brought this condition variable; 2.41 changed what its words mean.
  const int minor = sys::glibc_minor();
  return minor >= 25 && minor <= 40;
}

}  // namespace faultline
