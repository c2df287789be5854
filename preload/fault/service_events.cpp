#include "fault/service_events.h"

#include <errno.h>
#include <linux/userfaultfd.h>

#include "fault/contexts.h"
#include "fault/fuse_mounts.h"
#include "fault/registered_memory.h"
#include "record/dependencies.h"
#include "record/held_stack.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "wait/wait.h"

namespace faultline {
namespace {

constexpr std::uint64_t kAnyEvent =
    UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;

std::uint64_t feature_of(FaultEvent event) {
  switch (event) {
    case FaultEvent::Fork:
      return UFFD_FEATURE_EVENT_FORK;
    case FaultEvent::Remap:
      return UFFD_FEATURE_EVENT_REMAP;
    case FaultEvent::Remove:
      return UFFD_FEATURE_EVENT_REMOVE;
    case FaultEvent::Unmap:
      return UFFD_FEATURE_EVENT_UNMAP;
  }
  return 0;
}

// What a published wait for an event names: by the reading's id, which no object can have.
const volatile void* object_of(LockId reading) {
  return reinterpret_cast<const volatile void*>(static_cast<std::uintptr_t>(reading.value));
}

const ServedReading* reading_by(const ThreadState& thread, LockId reading) {
  for (std::uint32_t i = 0; i < thread.reading_count; ++i)
    if (thread.readings[i].reading == reading) return &thread.readings[i];
  return nullptr;
}

// `thread`, for what it holds, waits until a message of `context` is read.
void record_event(Guard& guard, const FaultContext& context, std::uintptr_t address, CallPoint at) {
  ThreadState& thread = guard.thread();
  if (thread.paused != 0 || !ensure_trace(thread)) return;
  const ServedReading* own =
      sole_reader(context.reading) == thread.id ? reading_by(thread, context.reading) : nullptr;
  if (thread.top == thread.base && own == nullptr) return;
  const Place place = call_site(guard, at).place;
  tell_held_apart(thread);
  const std::uint64_t key = mix(mix(top_key(thread), place.site), mix(context.reading.value, own != nullptr));
  if (thread.knows(key)) return;
  const HeldId under =
      own != nullptr ? held_set_above(thread, thread, service_node(thread, context.reading, own->read_at))
                     : held_set(thread, thread);
  write_service_record(thread, context.reading);
  const FaultFacts facts{address, Access::Unknown, Origin::Event, context.reading, true};
  record_dependency(thread, thread, under, key,
                    {word_of_instance(context.reading), LockKind::Service, nullptr, Mode::Exclusive,
                     place.stack, Cause::Service, false},
                    &facts);
  thread.learn(key);
}

// A context that the change has to wait for.
struct Concerned {
  FaultContext context;
  std::uint64_t address;
};

// What waits is published where that is safe to believe: our table of ranges may be behind the kernel's, and
// a thread that waits already is looked at before the call that would show it.
bool may_publish(Guard& guard, const Concerned& concerned) {
  const ThreadId id = sole_reader(concerned.context.reading);
  const ThreadState* reader = find_thread([id](const ThreadState& thread) { return thread.id == id; });
  if (reader == nullptr) return false;
  ThreadState& own = guard.thread();
  return (reader != &own && !PublishedWait::is_waiting(reader->wait.sequence())) ||
         is_registered(concerned.address, own.line, sizeof own.line);
}

}  // namespace

MemoryChange begin_served_change(std::uintptr_t start, std::size_t length, FaultEvent event, CallPoint at) {
  MemoryChange change{start, length, event, false, false};
  if (length == 0) return change;
  LockId published;
  {
    Guard guard;
    if (!guard) return change;
    ServedPiece pieces[kMostPieces];
    const std::size_t count = served_pieces(start, length, pieces, kMostPieces);
    change.concerns_served = count != 0;
    for (std::size_t i = 0; i < count; ++i) {
      Concerned concerned{{}, pieces[i].start};
      if (!find_context_of(pieces[i].service, concerned.context) ||
          (concerned.context.features & feature_of(event)) == 0)
        continue;
      record_event(guard, concerned.context, concerned.address, at);
      if (!published && may_publish(guard, concerned)) published = concerned.context.reading;
    }
  }
  if (!published) return change;
  change.is_waiting = true;
  wait_begins(object_of(published), LockKind::Service, Mode::Exclusive, at);
  return change;
}

void end_served_change(MemoryChange& change, bool done) {
  const int error = errno;
  if (change.is_waiting) wait_ends();
  change.is_waiting = false;
  if (done && change.event == FaultEvent::Unmap) remove_served_range(change.start, change.length);
  errno = error;
}

void end_served_move(MemoryChange& change, std::uintptr_t to, std::size_t length) {
  const int error = errno;
  ServedPiece pieces[kMostPieces];
  const std::size_t count = served_pieces(change.start, change.length, pieces, kMostPieces);
  remove_served_range(change.start, change.length);
  remove_served_range(to, length);
  for (std::size_t i = 0; i < count; ++i) {
    FaultContext context;
    // Memory that moves stays registered only where the server is told of it. A file stays mapped.
    if (!is_fuse_service(pieces[i].service) &&
        (!find_context_of(pieces[i].service, context) ||
         (to != change.start && (context.features & UFFD_FEATURE_EVENT_REMAP) == 0)))
      continue;
    const std::size_t offset = pieces[i].start - change.start;
    if (offset >= length) continue;
    const bool to_the_end = offset + pieces[i].length >= change.length;
    const std::size_t most = length - offset;
    add_served_range(pieces[i].service, to + offset,
                     to_the_end || pieces[i].length > most ? most : pieces[i].length);
  }
  end_served_change(change, false);
  errno = error;
}

void messages_were_read_by(ThreadState& server, LockId reading, std::uint64_t features, StackId read_at) {
  note_reader(reading, server.id);
  if ((features & kAnyEvent) == 0 || reading_by(server, reading) != nullptr) return;
  if (server.reading_count == ThreadState::kMostReadings) return trace.lose(Lost::PendingFaults);
  server.readings[server.reading_count++] = {reading, read_at};
  // From its last idle point to its first read it was a reader, too.
  for (std::uint32_t i = 0; i < server.served_count; ++i) {
    const ServedAcquisition& taken = server.served[i];
    const std::uint64_t key = mix(mix(reading.value, taken.place.site), taken.lock.bits);
    record_dependency(server, server, service_node(server, reading, read_at), key,
                      {taken.lock, taken.kind, nullptr, taken.mode, taken.place.stack, Cause::Call, false});
  }
}

void reader_acquires(ThreadState& server, const HeldLock& wanted) {
  for (std::uint32_t i = 0; i < server.reading_count; ++i) {
    const ServedReading own = server.readings[i];
    FaultContext context;
    if (!find_context_of(own.reading, context) || context.fd < 0) {
      server.readings[i--] = server.readings[--server.reading_count];
      continue;
    }
    const std::uint64_t key = mix(mix(own.reading.value, wanted.key), wanted.word.bits);
    if (server.knows(key)) continue;
    server.learn(key);
    const HeldId above = held_set_above(server, server, service_node(server, own.reading, own.read_at));
    record_dependency(
        server, server, above, key,
        {wanted.word, wanted.kind, wanted.address, wanted.mode, wanted.place.stack, Cause::Call, false});
  }
}

ThreadId reader_awaited(const volatile void* object) {
  return sole_reader(reading_awaited(object));
}

LockId reading_awaited(const volatile void* object) {
  return LockId{
      static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(const_cast<const void*>(object)))};
}

}  // namespace faultline
