#include "record/orphans.h"

#include <pthread.h>

#include <cstring>

#include "json_line.h"
#include "record/dependencies.h"
#include "record/lock_identity.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/mappings.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

struct Orphan {
  HeldLock held;
  int tid;
  char name[sizeof ThreadState::name];
};

constinit Orphan* orphans = nullptr;
constinit std::size_t orphan_count = 0;
constinit std::size_t orphan_room = 0;

// glibc's layout (struct_rwlock.h, pthread_rwlock_common.c).
constexpr unsigned kWritePhase = 1;
constexpr unsigned kReaderShift = 3;

// Whether the lock at `held.address` is locked as `held` says, by thread `tid` where the lock knows its
// holder.
bool is_locked(const HeldLock& held, int tid) {
  union {
    pthread_rwlock_t rwlock;
    pthread_mutex_t mutex;
    pthread_spinlock_t spin;
  } lock{};
  const std::size_t size = held.kind == LockKind::Mutex    ? sizeof lock.mutex
                           : held.kind == LockKind::Rwlock ? sizeof lock.rwlock
                                                           : sizeof lock.spin;
  if (sys::probe_own_memory(&lock, held.address, size) != 0) return false;
  switch (held.kind) {
    case LockKind::Mutex:
      return lock.mutex.__data.__owner == tid;
    case LockKind::Rwlock:
      if (held.mode == Mode::Exclusive) return lock.rwlock.__data.__cur_writer == tid;
      return (lock.rwlock.__data.__readers & kWritePhase) == 0 &&
             lock.rwlock.__data.__readers >> kReaderShift != 0;
    case LockKind::Spin:
      return lock.spin <= 0;
    default:
      return false;
  }
}

bool holds(const ThreadState& thread, const void* address) {
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry)
    if (entry->address == address) return true;
  return false;
}

bool make_room() {
  if (orphan_count < orphan_room) return true;
  const std::size_t room = orphan_room == 0 ? 32 : 2 * orphan_room;
  auto* larger = static_cast<Orphan*>(map_pages(room * sizeof(Orphan)));
  if (larger == nullptr) return false;
  if (orphans != nullptr) {
    std::memcpy(static_cast<void*>(larger), orphans, orphan_count * sizeof(Orphan));
    unmap_pages(orphans, orphan_room * sizeof(Orphan));
  }
  orphans = larger;
  orphan_room = room;
  return true;
}

const Orphan* find_orphan(const void* address) {
  for (std::size_t i = 0; i < orphan_count; ++i)
    if (orphans[i].held.address == address && is_locked(orphans[i].held, orphans[i].tid)) return &orphans[i];
  return nullptr;
}

void collect(const ThreadState& lost) {
  // The thread may have been growing its stack at the moment of the fork: what does not fit together is left
  // out.
  constexpr std::ptrdiff_t kMostBelievable = 1 << 20;
  if (lost.top < lost.base || lost.top - lost.base > kMostBelievable) return;
  HeldLock held{};
  for (const HeldLock* entry = lost.base; entry != lost.top; ++entry) {
    if (sys::probe_own_memory(&held, entry, sizeof held) != 0) return;
    if (!is_locked(held, lost.tid) || find_orphan(held.address) != nullptr) continue;
    if (!make_room()) return trace.lose(Lost::Held);
    Orphan& orphan = orphans[orphan_count++];
    orphan.held = held;
    orphan.tid = lost.tid;
    std::memcpy(orphan.name, lost.name, sizeof orphan.name);
  }
}

}  // namespace

void collect_orphans(const ThreadState* survivor) {
  for (std::uint32_t at = 0; const ThreadState* state = state_at(at); ++at)
    if (state != survivor && is_live(*state)) collect(*state);
  // Spin locks and readers do not say who holds them: the survivor's own are not orphans.
  for (std::size_t i = 0; survivor != nullptr && i < orphan_count;)
    if (holds(*survivor, orphans[i].held.address))
      orphans[i] = orphans[--orphan_count];
    else
      ++i;
}

void note_orphan_wait(Guard& guard, const HeldLock& taken, bool timed) {
  if (orphan_count == 0) return;
  const Orphan* orphan = find_orphan(taken.address);
  if (orphan == nullptr || (is_shared(orphan->held.mode) && is_shared(taken.mode))) return;
  ThreadState& thread = guard.thread();
  Mapping mapping;
  if (find_mapping(thread.line, sizeof thread.line, reinterpret_cast<std::uintptr_t>(taken.address),
                   mapping) &&
      mapping.shared)
    return;
  bool added;
  if (!ensure_trace(thread) ||
      recorded.find_or_add(key_of(Key::Orphan, trace_id(taken.word).value, taken.place.stack.value),
                           &added) == nullptr ||
      !added)
    return;
  HeldLock held = orphan->held;
  held.word = taken.word;
  write_thread_record(thread, thread);
  const HeldId node = held_node(thread, HeldId{}, held);
  const StackId stack = written_stack(thread, taken.place.stack);
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("orphan").number("thread", thread.id.value).number("epoch", thread.epoch);
  line.number("held", node.value).text("mode", spelling(taken.mode)).number("stack", stack.value);
  if (timed) line.truth("timed", true);
  line.number("holder_tid", static_cast<std::uint64_t>(orphan->tid)).text("holder_name", orphan->name);
  if (node) trace.append(line.end());
}

}  // namespace faultline
