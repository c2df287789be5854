// Changes of memory that a userfaultfd server asked to be told of: the caller of munmap, mremap, madvise or
// fork sleeps in the kernel until somebody *reads* the event's message (not until it has been acted on).
//
// So what the caller holds waits for the context's `reading`, a service node of its own beside that of faults
// (which wait until they are resolved): dependencies of cause `service`, with a fault of origin `event` for
// the address. What a reader of the context takes between two reads hangs under it: it is what stands between
// an event and its being read. A caller that is itself the only reader waits for itself.
//
// The hooks of those calls, around them; what the memory's new place is, is learned here too:
//
//   MemoryChange change = served_memory_changes(start, length, FaultEvent::Unmap, at);
//   result = real::munmap(...);
//   served_memory_changed(change, result == 0);
//
// Any thread, outside guarded sections. Without memory that is served: one load. A bad or absurd range is the
// kernel's to refuse. errno is kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fault/served_ranges.h"
#include "record/thread_state.h"

namespace faultline {

enum class FaultEvent : std::uint8_t {
  Fork,    // of the whole address space: start 0, length ~0
  Remap,   // mremap that may move it
  Remove,  // madvise that drops pages: DONTNEED, DONTNEED_LOCKED, FREE, REMOVE
  Unmap,   // munmap, also that of mmap and mremap to a fixed place, and of a shrinking mremap
};

struct MemoryChange {
  std::uintptr_t start;
  std::size_t length;
  FaultEvent event;
  bool concerns_served;
  bool is_waiting;  // the wait has been published
};

[[gnu::cold]] MemoryChange begin_served_change(std::uintptr_t start, std::size_t length, FaultEvent event,
                                               CallPoint at);
[[gnu::cold]] void end_served_change(MemoryChange& change, bool done);
[[gnu::cold]] void end_served_move(MemoryChange& change, std::uintptr_t to, std::size_t length);

// Before the call.
inline MemoryChange served_memory_changes(std::uintptr_t start, std::size_t length, FaultEvent event,
                                          CallPoint at) {
  if (!any_served_range()) return {start, length, event, false, false};
  return begin_served_change(start, length, event, at);
}
// After it; in both processes after a fork. `done`: it succeeded.
inline void served_memory_changed(MemoryChange& change, bool done) {
  if (change.concerns_served) end_served_change(change, done);
}
// After an mremap that succeeded: the memory, of `length` bytes now, begins at `to` (perhaps where it was).
inline void served_memory_moved(MemoryChange& change, std::uintptr_t to, std::size_t length) {
  if (change.concerns_served) end_served_move(change, to, length);
}

// A server takes a lock, `wanted`, before it pushes it: what that means for events. In a guarded section.
void reader_acquires(ThreadState& server, const HeldLock& wanted);
// The calling thread has read messages of the context whose events wait for `reading`. In a guarded section.
void messages_were_read_by(ThreadState& server, LockId reading, std::uint64_t features, StackId read_at);

// For walks over waits (wait/wait_graph.h): the thread that a published wait of kind Service is for; none
// where that is not certain.
ThreadId reader_awaited(const volatile void* object);
LockId reading_awaited(const volatile void* object);

}  // namespace faultline
