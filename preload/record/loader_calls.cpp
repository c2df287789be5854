#include "record/loader_calls.h"

#include "record/held_stack.h"
#include "record/lock_identity.h"
#include "record/stacks.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

// What stands for the loader's locks: their addresses are the identities. No object of this kind is ever
// read.
struct Stand {
  const char* name;
};
constexpr Stand kStands[] = {{"dl_load_lock"}, {"dl_load_write_lock"}};

const void* stand_of(LoaderLock lock) {
  return &kStands[static_cast<int>(lock)];
}

// Named once; any thread, whoever is first.
void name_once(LoaderLock lock, CallPoint at) {
  static constinit std::atomic<bool> named[2]{};
  if (named[static_cast<int>(lock)].exchange(true, std::memory_order_relaxed)) return;
  Guard guard;
  if (!guard) {
    named[static_cast<int>(lock)].store(false, std::memory_order_relaxed);
    return;
  }
  name_lock(guard, stand_of(lock), LockKind::Loader, call_site(guard, at),
            kStands[static_cast<int>(lock)].name);
}

// The word at `address`, which may lie on a stack that is gone.
bool word_at(const ThreadState& thread, std::uintptr_t address, std::uintptr_t& word) {
  const auto* at = reinterpret_cast<const std::uintptr_t*>(address);
  if (address >= thread.stack_low && address < thread.stack_high) {
    word = *at;
    return true;
  }
  return sys::probe_own_memory(&word, at, sizeof word) == 0;
}

bool has_returned(const ThreadState& thread, const LoaderCall& call, std::uintptr_t frame) {
  const bool own_stack = frame >= thread.stack_low && frame < thread.stack_high &&
                         call.at.frame > thread.stack_low && call.at.frame <= thread.stack_high;
  // Another stack (a coroutine's, a signal handler's) lies above or below by chance.
  if (own_stack && frame >= call.at.frame) return true;
  std::uintptr_t word = 0;
  return !word_at(thread, call.at.frame - sizeof word, word) || word != call.at.return_address;
}

void drop_newest(ThreadState& thread) {
  remove_held(thread,
              stand_of(static_cast<LoaderLock>(thread.loader_calls[--thread.loader_call_count].lock)));
}

bool is_call(const LoaderCall& call, LoaderLock lock, CallPoint at) {
  return call.lock == static_cast<std::uint8_t>(lock) && call.at.frame == at.frame;
}

// Whether a call is to be recorded: not one by the shim itself, or one of a thread that recording is off for.
bool is_watched() {
  return !shim_is_busy() && (tls.active == nullptr || tls.active->paused == 0);
}

}  // namespace

void loader_call_begins(LoaderLock lock, CallPoint at, bool writes) {
  if (!is_watched()) return;
  name_once(lock, at);
  before_wait(stand_of(lock), LockKind::Loader, Mode::Exclusive, WaitKind::Blocking, at, Cause::Loader);
  // Before the call is kept: seen from its own frame it would seem to have returned.
  if (writes) loader_passes(LoaderLock::Write, at);
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  if (thread.top == thread.base || thread.top[-1].address != stand_of(lock)) return;  // not recorded
  // Deeper than anyone goes: the constructor of one library loads the next. Then the outer ones hold the
  // lock.
  if (thread.loader_call_count == ThreadState::kLoaderCalls) {
    remove_held(thread, stand_of(lock));
    return;
  }
  thread.loader_calls[thread.loader_call_count++] = {at, static_cast<std::uint8_t>(lock)};
  set_limit(thread);
}

void loader_call_ended(LoaderLock lock, CallPoint at) {
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  std::uint32_t index = thread.loader_call_count;
  while (index != 0 && !is_call(thread.loader_calls[index - 1], lock, at)) --index;
  if (index == 0) return;  // not recorded, or seen to be over
  while (thread.loader_call_count >= index) drop_newest(thread);
  set_limit(thread);
}

void loader_passes(LoaderLock lock, CallPoint at) {
  if (!is_watched()) return;
  name_once(lock, at);
  before_wait(stand_of(lock), LockKind::Loader, Mode::Exclusive, WaitKind::Blocking, at, Cause::Loader);
  before_release(stand_of(lock));
}

void drop_ended_loader_calls(ThreadState& thread, std::uintptr_t frame) {
  if (thread.loader_call_count == 0) return;
  while (thread.loader_call_count != 0 &&
         has_returned(thread, thread.loader_calls[thread.loader_call_count - 1], frame))
    drop_newest(thread);
  set_limit(thread);
}

}  // namespace faultline
