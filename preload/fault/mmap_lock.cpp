#include "fault/mmap_lock.h"

#include <sys/mman.h>

#include "record/acquisition.h"
#include "record/lock_identity.h"
#include "record/stacks.h"
#include "runtime.h"

// Newer than some headers.
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

namespace faultline {
namespace {

LockWord model_mmap_lock() {
  static constinit std::atomic<std::uint32_t> id{0};
  std::uint32_t there = id.load(std::memory_order_acquire);
  if (there == 0) {
    const std::uint32_t fresh = new_lock_id().value;
    if (id.compare_exchange_strong(there, fresh, std::memory_order_acq_rel)) there = fresh;
  }
  return word_of_instance(LockId{there});
}

// Of the dependencies of one held set into the model lock, exclusive: by `site`, or by any.
constexpr std::uint64_t kAnySite = 0;
std::uint64_t change_key(const ThreadState& thread, Mode mode, std::uint64_t site) {
  constexpr std::uint64_t kSpace = 0x6d6d61705f6c6f63;
  return mix(mix(top_key(thread), kSpace + static_cast<std::uint64_t>(mode)), site);
}

// Whether the thread's held locks are to be told of. They then have their names of now.
bool holds_something(ThreadState& writer, ThreadState& thread) {
  if (thread.top == thread.base || thread.paused != 0 || declared_mmap_lock().id || !ensure_trace(writer))
    return false;
  tell_held_apart(thread);
  return true;
}

void record_change(ThreadState& writer, ThreadState& thread, StackId stack, Mode mode, Happened happened,
                   std::uint64_t key) {
  Wait wait{model_mmap_lock(), LockKind::MmapLock, nullptr, mode, stack, Cause::Mmap, false};
  wait.observed = happened == Happened::Yes;
  record_dependency(writer, thread, held_set(writer, thread), mix(key, wait.observed), wait);
}

}  // namespace

Wait model_mmap_lock_wait(StackId stack) {
  return {model_mmap_lock(), LockKind::MmapLock, nullptr, Mode::SharedFair, stack, Cause::Fault, false};
}

Wait mmap_lock_wait(StackId stack) {
  const DeclaredMmapLock declared = declared_mmap_lock();
  if (!declared.id) return model_mmap_lock_wait(stack);
  const Mode mode =
      declared.kind == LockKind::Rwlock
          ? reader_mode(static_cast<const pthread_rwlock_t*>(const_cast<const void*>(declared.address)))
          : Mode::Exclusive;
  return {told_apart(declared.address, declared.kind, word_of_instance(declared.id)),
          declared.kind,
          declared.address,
          mode,
          stack,
          Cause::Fault,
          false};
}

std::optional<Mode> madvise_mode(int advice) {
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
    case MADV_FREE:
    case MADV_REMOVE:
    case MADV_WILLNEED:
    case MADV_COLD:
    case MADV_PAGEOUT:
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
    case MADV_COLLAPSE:
      return Mode::SharedFair;
    case MADV_HWPOISON:
      return std::nullopt;
    default:
      return Mode::Exclusive;
  }
}

void record_mapping_change(CallPoint at, Mode mode, Happened happened, std::uint64_t key) {
  Guard guard;
  if (!guard || !holds_something(guard.thread(), guard.thread())) return;
  ThreadState& thread = guard.thread();
  const Place place = call_site(guard, at).place;
  record_change(thread, thread, place.stack, mode, happened, change_key(thread, mode, place.site));
  thread.learn(change_key(thread, mode, kAnySite));
  thread.learn(key);
}

void mappings_were_changed(ThreadState& writer, ThreadState& owner) {
  if (owner.top == owner.base || owner.knows(change_key(owner, Mode::Exclusive, kAnySite))) return;
  if (!holds_something(writer, owner)) return;
  const std::uint64_t key = change_key(owner, Mode::Exclusive, kAnySite);
  record_change(writer, owner, owner.top[-1].place.stack, Mode::Exclusive, Happened::Yes, key);
  owner.learn(key);
}

}  // namespace faultline
