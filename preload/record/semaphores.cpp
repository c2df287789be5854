#include "record/semaphores.h"

#include "runtime.h"

namespace faultline {
namespace {

// Whether any semaphore was ever taken for a lock: most programs have none, and their posts and waits need
// not look.
constinit std::atomic<bool> any_lock{false};

// Not 0 for a semaphore that is taken for a lock. Null for what was never one.
KeyMap::Value* lock_flag(const sem_t* semaphore) {
  if (!any_lock.load(std::memory_order_relaxed)) return nullptr;
  return remembered.find(key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore)));
}

bool is_lock(const sem_t* semaphore) {
  const KeyMap::Value* flag = lock_flag(semaphore);
  return flag != nullptr && flag->load(std::memory_order_relaxed) != 0;
}

void becomes_signal(const sem_t* semaphore) {
  if (KeyMap::Value* flag = lock_flag(semaphore)) flag->store(0, std::memory_order_relaxed);
}

void becomes_lock(const sem_t* semaphore) {
  Guard guard;
  if (!guard) return;
  bool added;
  const std::uint64_t key = key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore));
  KeyMap::Value* flag = remembered.find_or_add(key, &added);
  if (flag == nullptr) return;
  flag->store(1, std::memory_order_relaxed);
  any_lock.store(true, std::memory_order_relaxed);
}

// What the calling thread last knew of it; 0: nothing.
LockWord known_word(const sem_t* semaphore) {
  const ThreadState* thread = tls.active;
  return thread != nullptr ? known_side_word(*thread, semaphore) : LockWord{};
}

}  // namespace

void semaphore_initialised(sem_t* semaphore, unsigned value, CallPoint at) {
  before_init(semaphore, LockKind::Semaphore, at);
  if (value == 1) {
    becomes_lock(semaphore);
  } else {
    becomes_signal(semaphore);
  }
}

void semaphore_destroyed(sem_t* semaphore) {
  becomes_signal(semaphore);
  lock_destroyed(semaphore, LockKind::Semaphore);
}

bool before_semaphore_wait(sem_t* semaphore, WaitKind wait, CallPoint at) {
  if (is_lock(semaphore)) {
    if (!is_held(semaphore)) {
      if (wait == WaitKind::Blocking &&
          push_if_known(semaphore, known_word(semaphore), LockKind::Semaphore, Mode::Exclusive, at))
        return true;
      before_wait(semaphore, LockKind::Semaphore, Mode::Exclusive, wait, at);
      return is_held(semaphore);
    }
    becomes_signal(semaphore);
    before_release(semaphore);
  }
  before_plain_wait(semaphore, LockKind::Semaphore, wait, at);
  return false;
}

void semaphore_taken_by_try(sem_t* semaphore, CallPoint at) {
  if (is_lock(semaphore) &&
      !push_if_known<true>(semaphore, known_word(semaphore), LockKind::Semaphore, Mode::Exclusive, at))
    acquired_by_try(semaphore, LockKind::Semaphore, Mode::Exclusive, at);
}

void before_semaphore_post(sem_t* semaphore) {
  if (!is_lock(semaphore)) return;
  if (is_held(semaphore)) return before_release(semaphore);
  Guard guard;
  if (guard && !release_for_holder(guard.thread(), semaphore)) becomes_signal(semaphore);
}

}  // namespace faultline
