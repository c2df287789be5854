#include "record/thread_ends.h"

#include "json_line.h"
#include "raw_syscall.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {
namespace {

// The lock `thread` holds by being alive; written to the trace here, where its thread is known.
LockId end_of(ThreadState& writer, ThreadId thread) {
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key_of(Key::ThreadEnd, thread.value), &added);
  if (value == nullptr) return LockId{};
  if (added) value->store(new_lock_id().value, std::memory_order_release);
  const LockId lock{static_cast<std::uint32_t>(await_value(*value))};
  KeyMap::Value* written = lock ? recorded.find_or_add(key_of(Key::Lock, lock.value), &added) : nullptr;
  if (written == nullptr) return LockId{};
  if (!added) return await_value(*written) != 0 ? lock : LockId{};
  JsonLine line(writer.line, sizeof writer.line);
  line.begin("lock").number("id", lock.value).text("kind", spelling(LockKind::Thread)).hex("addr", 0);
  line.number("init", 0).number("first", 0).number("thread", thread.value);
  if (!trace.append(line.end())) return LockId{};
  written->store(1, std::memory_order_release);
  return lock;
}

// Whether the trace has the record of `thread`, which it writes as its first act.
bool has_begun(ThreadId thread) {
  constexpr int kPatienceYields = 20000;
  for (int i = 0; i < kPatienceYields; ++i) {
    const KeyMap::Value* written = recorded.find(key_of(Key::Thread, thread.value));
    if (written != nullptr && written->load(std::memory_order_acquire) != 0) return true;
    sys::call(SYS_sched_yield);
  }
  return false;
}

}  // namespace

LockId written_end_of(ThreadId thread) {
  const KeyMap::Value* value = remembered.find(key_of(Key::ThreadEnd, thread.value));
  const LockId lock{value != nullptr ? static_cast<std::uint32_t>(value->load(std::memory_order_acquire))
                                     : 0};
  const KeyMap::Value* written = lock ? recorded.find(key_of(Key::Lock, lock.value)) : nullptr;
  return written != nullptr && written->load(std::memory_order_acquire) != 0 ? lock : LockId{};
}

void before_join(pthread_t joined, WaitKind wait, CallPoint at) {
  if (!waits_for_others(true)) return;
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  const ThreadId id = thread_by_handle(joined);
  if (!id || id == thread.id || !ensure_trace(thread) || trace.is_full() || !has_begun(id)) return;
  if (const LockId lock = end_of(thread, id))
    record_plain_wait(guard, word_of_instance(lock), LockKind::Thread, nullptr, wait, at, Cause::Join);
}

}  // namespace faultline
