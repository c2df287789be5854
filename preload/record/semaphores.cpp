#include "record/semaphores.h"

#include "runtime.h"

namespace faultline {
namespace {

// Whether any semaphore was ever taken for a lock: most programs have none, and their posts and waits need
// not look.
constinit std::atomic<bool> any_lock{false};

// The identity of a semaphore that is taken for a lock, in the form of IdentityWord; 0 once it has shown to
// be none. Null for what was never one.
KeyMap::Value* lock_word(const sem_t* semaphore) {
  if (!any_lock.load(std::memory_order_relaxed)) return nullptr;
  return remembered.find(key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore)));
}

std::uint64_t word_of_lock(const sem_t* semaphore) {
  const KeyMap::Value* word = lock_word(semaphore);
  return word != nullptr ? word->load(std::memory_order_relaxed) : 0;
}

void is_no_lock(const sem_t* semaphore) {
  if (KeyMap::Value* word = lock_word(semaphore)) word->store(0, std::memory_order_relaxed);
}

void is_lock(sem_t* semaphore) {
  Guard guard;
  if (!guard) return;
  const LockId id = identify(guard, semaphore, LockKind::Semaphore, StackId{});
  bool added;
  const std::uint64_t key = key_of(Key::MutexSemaphore, reinterpret_cast<std::uint64_t>(semaphore));
  KeyMap::Value* word = remembered.find_or_add(key, &added);
  if (!id || word == nullptr) return;
  word->store(IdentityWord::of(id, StackId{}, true).bits, std::memory_order_relaxed);
  any_lock.store(true, std::memory_order_relaxed);
}

}  // namespace

void semaphore_initialised(sem_t* semaphore, unsigned value, CallPoint at) {
  before_init(semaphore, LockKind::Semaphore, at);
  if (value == 1) {
    is_lock(semaphore);
  } else {
    is_no_lock(semaphore);
  }
}

void semaphore_destroyed(sem_t* semaphore) {
  is_no_lock(semaphore);
  lock_destroyed(semaphore, LockKind::Semaphore);
}

bool before_semaphore_wait(sem_t* semaphore, WaitKind wait, CallPoint at) {
  if (const std::uint64_t word = word_of_lock(semaphore)) {
    if (!is_held(semaphore)) {
      if (wait == WaitKind::Blocking &&
          push_if_known(semaphore, word, LockKind::Semaphore, Mode::Exclusive, at))
        return true;
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
  const std::uint64_t word = word_of_lock(semaphore);
  if (word == 0 || push_if_known<true>(semaphore, word, LockKind::Semaphore, Mode::Exclusive, at)) return;
  acquired_by_try(semaphore, LockKind::Semaphore, Mode::Exclusive, at);
}

void before_semaphore_post(sem_t* semaphore) {
  if (word_of_lock(semaphore) == 0) return;
  if (is_held(semaphore)) return before_release(semaphore);
  Guard guard;
  if (guard && !release_for_holder(guard.thread(), semaphore)) is_no_lock(semaphore);
}

}  // namespace faultline
