// The trace's record of a deadlock (docs/trace-format.md, "deadlock").
#include "fault/contexts.h"
#include "json_line.h"
#include "record/dependencies.h"
#include "record/lock_records.h"
#include "record/stacks.h"
#include "record/thread_ends.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "wait/deadlock_report.h"

namespace faultline {
namespace {

// A deadlock is of locks, never of classes of them.
HeldLock told_apart(HeldLock entry) {
  entry.word = held_told_apart(entry);
  return entry;
}

// Its entry on the held stack that is no hold but the wait; null where the wait has none.
const HeldLock* pending_entry(const Waiter& waiter) {
  const ThreadState& thread = *waiter.thread;
  if (waiter.wait.is_condition() || thread.top == thread.base) return nullptr;
  return thread.top[-1].address == waiter.wait.object ? thread.top - 1 : nullptr;
}

// What the thread holds, without what it waits for, as a node of the trace.
HeldId held_below_wait(ThreadState& writer, const Waiter& waiter) {
  const ThreadState& thread = *waiter.thread;
  const HeldLock* pending = pending_entry(waiter);
  HeldId node;
  for (const HeldLock* entry = thread.base; entry != (pending != nullptr ? pending : thread.top); ++entry) {
    bool again = false;
    for (const HeldLock* below = thread.base; below != entry && !again; ++below)
      again = below->address == entry->address;
    if (!again) node = held_node(writer, node, told_apart(*entry));
  }
  return node;
}

// One thread's part of the record, once all it names has been written.
struct Part {
  HeldId under;
  LockId to;
  StackId stack;
  ThreadId joined;
};

Part prepare(ThreadState& writer, const Waiter& waiter) {
  write_thread_record(writer, *waiter.thread);
  if (!waiter.wait.is_condition() && waiter.wait.kind == LockKind::Service && waiter.lock)
    write_service_record(writer, waiter.lock);
  Part part{held_below_wait(writer, waiter), waiter.lock, waiter.wait.stack, ThreadId{}};
  if (const HeldLock* pending = pending_entry(waiter)) {
    part.to = write_lock_record(writer, told_apart(*pending).word, pending->kind, pending->address);
    part.stack = pending->place.stack;
  } else if (waiter.cause == Cause::Fault && waiter.thread->top != waiter.thread->base) {
    part.stack = waiter.thread->top[-1].place.stack;
  }
  if (!waiter.wait.is_condition() && waiter.wait.kind == LockKind::Thread)
    if (ThreadState* joined = live_thread(waiter.wait.object)) {
      write_thread_record(writer, *joined);
      part.joined = joined->id;
      part.to = written_end_of(joined->id);
    }
  part.stack = written_stack(writer, part.stack);
  return part;
}

}  // namespace

void write_deadlock(ThreadState& writer, const Deadlock& found) {
  // Records that the line names are lines of their own, made in the same scratch: first all of them.
  for (std::size_t i = 0; i < found.count; ++i) prepare(writer, found.threads[i]);
  static_assert(ThreadState::kMaxWaiters * 200 < ThreadState::kLineBytes);
  char* const text = writer.line;
  JsonLine line(text, ThreadState::kLineBytes);
  line.begin("deadlock").text("kind", spelling(found.kind));
  if (found.gone != 0) line.number("gone", static_cast<std::uint64_t>(found.gone));
  if (found.others != 0) line.number("others", found.others);
  line.open("threads", '[');
  for (std::size_t i = 0; i < found.count; ++i) {
    const Waiter& waiter = found.threads[i];
    const Part part = prepare(writer, waiter);
    line.open_element('{').number("thread", waiter.thread->id.value).number("under", part.under.value);
    line.number("to", part.to.value)
        .text("mode", spelling(waiter.wait.mode))
        .number("stack", part.stack.value);
    line.text("cause", spelling(waiter.cause))
        .text("for", waiter.wait.is_condition() ? "condition" : spelling(waiter.wait.kind))
        .hex("addr", reinterpret_cast<std::uint64_t>(waiter.wait.object));
    if (part.joined) line.number("joins", part.joined.value);
    line.close('}');
  }
  trace.append(line.close(']').end());
  trace.refresh_stats();
}

}  // namespace faultline
