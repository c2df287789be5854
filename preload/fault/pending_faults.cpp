#include "fault/pending_faults.h"

#include "record/held_stack.h"
#include "runtime.h"

namespace faultline {
namespace {

constexpr int kMaxPending = 512;
constexpr std::uint32_t kClaimed = ~0u;  // being filled in
constinit PendingFault faults[kMaxPending]{};
constinit std::atomic<std::uint32_t> next_sequence{1};

bool is_live(std::uint32_t sequence) {
  return sequence != 0 && sequence != kClaimed;
}

template <class Condition>
std::size_t collect(PendingFault** found, std::size_t capacity, Condition matches) {
  std::size_t count = 0;
  for (PendingFault& fault : faults)
    if (count < capacity && is_live(fault.sequence.load(std::memory_order_acquire)) && matches(fault))
      found[count++] = &fault;
  return count;
}

}  // namespace

const PendingFault* add_pending_fault(LockId service, std::uint64_t address, int tid, ThreadState* waiter,
                                      HeldId held, ThreadId reader, StackId read_at) {
  PendingFault* place = nullptr;
  for (PendingFault& fault : faults)
    if (tid != 0 && fault.tid == tid && is_live(fault.sequence.load(std::memory_order_acquire)))
      fault.sequence.store(0, std::memory_order_release);
  for (PendingFault& fault : faults) {
    std::uint32_t free = 0;
    if (!fault.sequence.compare_exchange_strong(free, kClaimed, std::memory_order_acq_rel)) continue;
    place = &fault;
    break;
  }
  if (place == nullptr) {
    trace.lose(Lost::PendingFaults);
    return nullptr;
  }
  place->service = service;
  place->address = address;
  place->tid = tid;
  place->waiter = waiter;
  place->waiter_id = waiter != nullptr ? waiter->id : ThreadId{};
  place->held = held;
  place->held_key = waiter != nullptr ? top_key(*waiter) : 0;
  place->held_top = waiter != nullptr ? waiter->top : nullptr;
  place->reader = reader;
  place->read_at = read_at;
  std::uint32_t sequence = next_sequence.fetch_add(1, std::memory_order_relaxed);
  if (!is_live(sequence)) sequence = next_sequence.fetch_add(2, std::memory_order_relaxed) + 1;
  place->sequence.store(sequence, std::memory_order_release);
  return place;
}

std::size_t pending_in_range(LockId service, std::uint64_t start, std::uint64_t length, PendingFault** found,
                             std::size_t capacity) {
  return collect(found, capacity, [=](const PendingFault& fault) {
    return fault.service == service && fault.address >= start && fault.address - start < length;
  });
}

std::size_t pending_read_by(ThreadId reader, PendingFault** found, std::size_t capacity) {
  return collect(found, capacity, [=](const PendingFault& fault) { return fault.reader == reader; });
}

const PendingFault* pending_fault_of(const ThreadState& waiter) {
  PendingFault* found = nullptr;
  collect(&found, 1,
          [&](const PendingFault& fault) { return fault.waiter == &waiter && still_waits(fault); });
  return found;
}

void remove_pending_fault(std::uint32_t sequence) {
  for (PendingFault& fault : faults) {
    std::uint32_t expected = sequence;
    if (fault.sequence.compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) return;
  }
}

void forget_pending_faults() {
  for (PendingFault& fault : faults) fault.sequence.store(0, std::memory_order_relaxed);
}

bool still_waits(const PendingFault& fault) {
  return fault.waiter->id == fault.waiter_id && fault.waiter->top == fault.held_top &&
         top_key(*fault.waiter) == fault.held_key;
}

}  // namespace faultline
