// The page faults that have been read from a userfaultfd and not yet resolved.
//
// Entries are added by the thread that reads the message and removed by the one that resolves it, which may
// be another. A thread waits for one fault at a time: a second message for it (its fault was interrupted by a
// signal and taken again) replaces the first. A resolution that no hook sees leaves its entry until the
// thread's next fault; `still_waits` then tells that the thread has moved on.
#pragma once

#include "record/thread_state.h"

namespace faultline {

struct PendingFault {
  std::atomic<std::uint32_t> sequence;  // 0: free; never the same twice
  LockId service;
  std::uint64_t address;
  int tid;
  ThreadState* waiter;  // null: not known, or it holds nothing we saw
  ThreadId waiter_id;
  HeldId held;  // what the waiter holds, as a node of the trace
  std::uint64_t held_key;
  const HeldLock* held_top;
  ThreadId reader;
  StackId read_at;
};

// Null: no room; counted as lost. `waiter` is stopped in the fault.
const PendingFault* add_pending_fault(LockId service, std::uint64_t address, int tid, ThreadState* waiter,
                                      HeldId held, ThreadId reader, StackId read_at);

// Unresolved faults of `service` in [start, start + length), and those that `reader` has read. Return how
// many were stored; at most `capacity`.
std::size_t pending_in_range(LockId service, std::uint64_t start, std::uint64_t length, PendingFault** found,
                             std::size_t capacity);
std::size_t pending_read_by(ThreadId reader, PendingFault** found, std::size_t capacity);

// The fault that `waiter` is stopped in, as far as our hooks saw; null if none.
const PendingFault* pending_fault_of(const ThreadState& waiter);

void remove_pending_fault(std::uint32_t sequence);
void forget_pending_faults();

// Whether the waiter's held stack is as it was when the message was read: else it has been set free unseen.
bool still_waits(const PendingFault& fault);

}  // namespace faultline
