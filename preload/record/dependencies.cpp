#include "record/dependencies.h"

#include <cstring>
#include <string_view>

#include "record/lock_records.h"
#include "record/occurrences.h"
#include "record/stacks.h"
#include "record/subclass.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {
namespace {

bool write_dependency(ThreadState& writer, const ThreadState& waiter, HeldId under, const Wait& wait,
                      LockId to, StackId stack, const FaultFacts* fault, const Via* via,
                      Occurrence occurrence) {
  JsonLine line(writer.line, sizeof writer.line);
  line.begin("dep")
      .number("thread", waiter.id.value)
      .number("epoch", waiter.epoch)
      .number("under", under.value);
  line.number("to", to.value)
      .text("mode", spelling(wait.mode))
      .number("stack", stack.value)
      .text("cause", spelling(wait.cause));
  if (wait.timed) line.truth("timed", true);
  if (!wait.observed) line.truth("observed", false);
  if (wait.subclass != 0) line.number("subclass", wait.subclass);
  write_open(line, occurrence);
  if (fault != nullptr) write_fault(line, *fault);
  if (wait.serves != 0) line.hex("serves", wait.serves);
  if (via != nullptr)
    line.open("via", '{')
        .number("service", via->service.value)
        .number("thread", via->server.value)
        .close('}');
  if (!trace.append(line.end())) return false;
  if (under) trace.stats.dependencies.fetch_add(1, std::memory_order_relaxed);
  trace.refresh_stats();
  return true;
}

}  // namespace

void write_fault(JsonLine& line, const FaultFacts& fault) {
  line.open("fault", '{').hex("address", fault.address).text("access", spelling(fault.access));
  line.text("origin", spelling(fault.origin)).number("service", fault.service.value);
  line.text("stack_from", fault.exact_stack ? "registers" : "last-recorded").close('}');
}

bool already_recorded(const ThreadState& waiter, std::uint64_t key) {
  return has_occurred(key, waiter);
}

bool record_dependency(ThreadState& writer, ThreadState& waiter, HeldId under, std::uint64_t key,
                       const Wait& wait, const FaultFacts* fault, const Via* via) {
  if (!ensure_trace(writer)) return false;
  // Nor is it remembered then: a program that makes locks without end must not grow the shim without end.
  if (trace.is_full()) {
    trace.lose(Lost::TraceFull);
    return false;
  }
  const Occurrence occurrence = note_occurrence(key, waiter);
  if (occurrence == Occurrence::Known) return false;
  write_thread_record(writer, waiter);
  if (&writer == &waiter) refresh_thread_name(waiter);
  const LockWord wanted = told_apart(wait.address, wait.kind, wait.to);
  const LockId to = write_lock_record(writer, wanted, wait.kind, wait.address);
  const StackId stack = written_stack(writer, wait.stack);
  return write_dependency(writer, waiter, under, wait, to, stack, fault, via, occurrence);
}

HeldId held_node(ThreadState& writer, HeldId under, const HeldLock& held) {
  static constinit std::atomic<std::uint32_t> next_node{1};
  if (!ensure_trace(writer) || trace.is_full()) return HeldId{};
  const LockWord word = held_told_apart(held);
  const std::uint64_t what = static_cast<std::uint64_t>(trace_id(word).value) << 32 | held.place.stack.value;
  const std::uint64_t how = static_cast<std::uint64_t>(under.value) << 8 |
                            static_cast<std::uint64_t>(held.mode) << 2 | held.by_relock << 1 |
                            held.by_trylock;
  bool added;
  const std::uint8_t subclass = subclass_of(held.key);
  KeyMap::Value* value =
      recorded.find_or_add(key_of(Key::Held, subclass != 0 ? mix(what, subclass) : what, how), &added);
  if (value == nullptr) return HeldId{};
  if (!added) return HeldId{static_cast<std::uint32_t>(await_value(*value))};
  const LockId lock = write_lock_record(writer, word, held.kind, held.address, true);
  const StackId stack = written_stack(writer, held.place.stack);
  const HeldId id{next_node.fetch_add(1, std::memory_order_relaxed)};
  JsonLine line(writer.line, sizeof writer.line);
  line.begin("held").number("id", id.value).number("under", under.value).number("lock", lock.value);
  line.text("mode", spelling(held.mode)).number("stack", stack.value);
  if (held.by_trylock) line.truth("try", true);
  if (held.by_relock) line.truth("relock", true);
  if (subclass != 0) line.number("subclass", subclass);
  const bool appended = trace.append(line.end());
  value->store(appended ? id.value : kNoValue, std::memory_order_release);
  return appended ? id : HeldId{};
}

namespace {

// A lock taken again by its holder adds nothing to the held set.
bool held_below(const HeldLock* entry, const HeldLock* base) {
  for (const HeldLock* below = entry; below != base; --below)
    if (below[-1].address == entry->address && below[-1].word == entry->word) return true;
  return false;
}

}  // namespace

HeldId held_set(ThreadState& writer, ThreadState& holder) {
  HeldLock* entry = holder.top;
  while (entry != holder.base && !entry[-1].node) --entry;
  HeldId node = entry != holder.base ? entry[-1].node : HeldId{};
  for (; entry != holder.top; ++entry) {
    if (!held_below(entry, holder.base)) node = held_node(writer, node, *entry);
    entry->node = node;
  }
  return node;
}

HeldId held_set_above(ThreadState& writer, const ThreadState& holder, HeldId below) {
  HeldId node = below;
  for (const HeldLock* entry = holder.base; entry != holder.top; ++entry)
    if (!held_below(entry, holder.base)) node = held_node(writer, node, *entry);
  return node;
}

void write_thread_record(ThreadState& writer, ThreadState& thread) {
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Thread, thread.id.value), &added);
  if (value == nullptr) return;
  if (!added) {
    await_value(*value);
    return;
  }
  // A parent that ended, or belongs to the process this one was forked from, is not named: the trace does not
  // have it.
  const bool parent_is_known =
      thread.parent && recorded.find(key_of(Key::Thread, thread.parent.value)) != nullptr;
  JsonLine line(writer.line, sizeof writer.line);
  line.begin("thread").number("id", thread.id.value).number("tid", static_cast<std::uint64_t>(thread.tid));
  line.number("parent", parent_is_known ? thread.parent.value : 0)
      .number("parent_epoch", parent_is_known ? thread.parent_epoch : 0);
  line.text("name", thread.name);
  value->store(trace.append(line.end()) ? 1 : kNoValue, std::memory_order_release);
}

}  // namespace faultline
