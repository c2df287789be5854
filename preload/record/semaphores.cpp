#include "record/semaphores.h"

#include "runtime.h"

namespace faultline {
namespace {

// Not 0 for a semaphore that is taken for a lock. Never null for one that has ever been.
KeyMap::Value* lock_flag(const sem_t* semaphore) {
  return remembered.find(key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore)));
}

bool is_lock(const sem_t* semaphore) {
  const KeyMap::Value* flag = lock_flag(semaphore);
  return flag != nullptr && flag->load(std::memory_order_relaxed) != 0;
}

void is_no_lock(const sem_t* semaphore) {
  if (KeyMap::Value* flag = lock_flag(semaphore)) flag->store(0, std::memory_order_relaxed);
}

}  // namespace

void semaphore_initialised(sem_t* semaphore, unsigned value, CallPoint at) {
  if (value == 1) {
    Guard guard;
    if (!guard) return;
    bool added;
    const std::uint64_t key = key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore));
    if (KeyMap::Value* flag = remembered.find_or_add(key, &added)) flag->store(1, std::memory_order_relaxed);
  } else {
    is_no_lock(semaphore);
  }
  before_init(semaphore, LockKind::Semaphore, at);
}

void semaphore_destroyed(sem_t* semaphore) {
  is_no_lock(semaphore);
  lock_destroyed(semaphore, LockKind::Semaphore);
}

bool before_semaphore_wait(sem_t* semaphore, WaitKind wait, CallPoint at) {
  if (is_lock(semaphore)) {
    if (!is_held(semaphore)) {
      before_wait(semaphore, LockKind::Semaphore, Mode::Exclusive, wait, at);
      return is_held(semaphore);
    }
    is_no_lock(semaphore);
    before_release(semaphore);
  }
  before_plain_wait(semaphore, LockKind::Semaphore, wait, at);
  return false;
}

void semaphore_taken_by_try(sem_t* semaphore, CallPoint at) {
  if (is_lock(semaphore)) acquired_by_try(semaphore, LockKind::Semaphore, Mode::Exclusive, at);
}

void before_semaphore_post(sem_t* semaphore) {
  if (!is_lock(semaphore)) return;
  if (is_held(semaphore)) return before_release(semaphore);
  Guard guard;
  if (guard && !release_for_holder(guard.thread(), semaphore)) is_no_lock(semaphore);
}

}  // namespace faultline
