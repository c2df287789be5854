// The userfaultfd contexts of this process: which descriptors are one, and which service their faults wait
// for.
//
// A descriptor is learned at UFFDIO_API, which every user must call, whatever way it was made (system call,
// /dev/userfaultfd), and forgotten when closed; its inode, unique to the context, is checked on use, so a
// descriptor number that came back as something else is not taken for one. Any thread.
#pragma once

#include <cstdint>

#include "record/guard.h"

namespace faultline {

struct FaultContext {
  int fd;
  LockId service;
  std::uint64_t inode;
};

// Whether this process uses userfaultfd at all: one load, for hooks of calls that every program makes.
inline bool any_fault_context();
// Whether `fd` is a known context; cheap, no system call.
bool is_fault_context(int fd);

// The context behind `fd`; false if there is none.
bool find_fault_context(int fd, FaultContext& found);

// `fd` has passed UFFDIO_API. Writes the service's lock record; its class comes from where this happened.
void add_fault_context(Guard& guard, int fd, CallPoint at);
void remove_fault_context(int fd);

// In a forked child: the contexts' descriptors are inherited, but the child's memory is not registered with
// them.
void forget_fault_contexts();

extern constinit std::atomic<int> fault_context_count;
inline bool any_fault_context() {
  return fault_context_count.load(std::memory_order_relaxed) != 0;
}

// Makes sure that the trace defines the service. Before any record that names it.
void write_service_record(ThreadState& writer, LockId service);

}  // namespace faultline
