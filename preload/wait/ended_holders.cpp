// The part of wait_graph.h that concerns holders that have ended.
#include "record/lock_identity.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/task_state.h"
#include "wait/lock_words.h"
#include "wait/wait_graph.h"

namespace faultline {
namespace {

// How often a thread ended with locks on its held stack.
constinit std::atomic<std::uint32_t> left_behind_count{0};

KeyMap::Value* left_behind_entry(const volatile void* lock, bool add) {
  const std::uint64_t key = key_of(Key::LeftBehind, reinterpret_cast<std::uint64_t>(lock));
  bool added;
  return add ? remembered.find_or_add(key, &added) : remembered.find(key);
}

// What stays the same of a lock's word as long as it is the same lock: 32 bits of it.
std::uint32_t identity_of(const HeldLock& held) {
  const LockWord apart = held_told_apart(held);
  return instance_in(apart) ? instance_in(apart).value : ~class_in(apart).value;
}

// The kernel id of the thread that ended with this very lock, by address and identity; 0 if none did.
int leaver_of(const volatile void* object, std::uint32_t identity) {
  if (!anything_left_behind()) return 0;
  const KeyMap::Value* entry = left_behind_entry(object, false);
  const std::uint64_t word = entry != nullptr ? entry->load(std::memory_order_acquire) : 0;
  return word >> 32 == identity ? static_cast<int>(word & 0xffffffffu) : 0;
}

std::uint32_t pending_lock(const ThreadState& thread, const volatile void* object) {
  const HeldLock& newest = thread.top[-1];
  return thread.top != thread.base && newest.address == object ? identity_of(newest) : 0;
}

// Whether thread `tid` is no more, and still is what the lock names as its owner. A kernel id may come back:
// looked at on both sides of the lock's word.
bool is_owned_by_nobody(const Awaited& wait, int tid) {
  LockWords words;
  return sys::is_gone(tid) && copy_words(wait, words) && owner_in(wait, words) == tid && sys::is_gone(tid);
}

bool is_held_by_the_living(ThreadState& walker, const volatile void* object) {
  return find_thread([&](const ThreadState& thread) { return has_acquired(walker, thread, object); }) !=
         nullptr;
}

bool tell(DeadlockKind kind, ThreadState& finder, int gone, Deadlock& found) {
  found = {kind, key_of_waits(kind, finder.waiters, 1), finder.waiters, 1, 0, gone, false};
  return true;
}

}  // namespace

bool anything_left_behind() {
  return left_behind_count.load(std::memory_order_relaxed) != 0;
}

void forget_left_behind(const volatile void* lock) {
  if (!anything_left_behind()) return;
  if (KeyMap::Value* entry = left_behind_entry(lock, false)) entry->store(0, std::memory_order_release);
}

bool find_ended_holder(ThreadState& walker, Deadlock& found) {
  Waiter& self = walker.waiters[0];
  LockWords words;
  if (!waits_for_good(walker, self) || self.wait.is_condition() || !copy_words(self.wait, words) ||
      is_shared(self.wait, words) || survives_its_holder(self.wait, words))
    return false;
  const int owner = owner_in(self.wait, words);
  const int leaver = leaver_of(self.wait.object, pending_lock(walker, self.wait.object));
  if (owner == 0)
    return leaver != 0 && is_taken(self.wait, words, walker.tid) &&
           !is_held_by_the_living(walker, self.wait.object) &&
           tell(DeadlockKind::HolderExited, walker, leaver, found);
  if (owner == walker.tid || thread_by_tid(owner) != nullptr) return false;
  // Whom another thread has joined may still be on its way out of the kernel.
  constexpr int kPatienceMs = 50;
  for (int waited = 0; !is_owned_by_nobody(self.wait, owner); ++waited) {
    if (owner != leaver || waited == kPatienceMs) return false;
    sys::sleep_ms(1);
  }
  // The child of a fork has another kernel id than the thread it was when it took the lock.
  if (has_acquired(walker, walker, self.wait.object)) return tell(DeadlockKind::Self, walker, 0, found);
  return tell(DeadlockKind::HolderExited, walker, owner, found);
}

bool find_left_behind(ThreadState& leaver, Deadlock& found) {
  bool any = false;
  for (const HeldLock* held = leaver.base; held != leaver.top; ++held) {
    KeyMap::Value* entry = left_behind_entry(held->address, true);
    if (entry == nullptr) continue;
    entry->store(
        static_cast<std::uint64_t>(identity_of(*held)) << 32 | static_cast<std::uint32_t>(leaver.tid),
        std::memory_order_release);
    left_behind_count.fetch_add(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    Waiter& waiter = leaver.waiters[0];
    const ThreadState* thread = any ? nullptr : find_thread([&](const ThreadState& other) {
      return &other != &leaver && waits_for_good(other, waiter) && !waiter.wait.is_condition() &&
             waiter.wait.object == held->address;
    });
    LockWords words;
    if (thread == nullptr || !copy_words(waiter.wait, words) || is_shared(waiter.wait, words) ||
        survives_its_holder(waiter.wait, words))
      continue;
    // Who else reads it will go; what is left behind stays.
    const int owner = owner_in(waiter.wait, words);
    any = owner != 0 ? owner == leaver.tid : is_taken(waiter.wait, words, thread->tid);
    if (any) tell(DeadlockKind::HolderExited, leaver, leaver.tid, found);
  }
  return any;
}

}  // namespace faultline
