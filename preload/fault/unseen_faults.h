// Threads stopped in a page fault whose message no hook saw being read: by io_uring, by a raw system call, or
// by another process.
//
// Found when the fault is resolved here: by the newest sample of each thread's perf ring and by where the
// kernel says that the thread sleeps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "record/thread_state.h"

namespace faultline {

struct UnseenFault {
  ThreadState* waiter;
  std::uint64_t address;
};

// The threads other than `finder` that are stopped in a userfaultfd fault in [start, start + length). How
// many were stored; at most `capacity`. Cost: a look at each live thread's ring; two system calls and a file
// for each that matches.
std::size_t find_unseen_faults(const ThreadState& finder, std::uint64_t start, std::uint64_t length,
                               UnseenFault* found, std::size_t capacity);

// The service of the userfaultfd fault that `stopped` sleeps in; none: it sleeps in none, or has no ring.
// Cost: a look at its ring, a file of /proc.
LockId service_of_sleep(const ThreadState& stopped);

}  // namespace faultline
