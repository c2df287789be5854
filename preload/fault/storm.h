// Storm mode (faults=storm): pages that were touched once stop faulting, so the orders of locks that need a
// fault hide. At outermost acquisitions, where the thread holds nothing, the page-table entries of shared
// file and memfd mappings are dropped (MADV_DONTNEED), so that what follows faults on every page it needs.
// For tests: every acquisition takes the slow path, and pages fault again without end.
//
// No byte is lost: the page cache keeps the pages of a shared mapping, and what was stored to them. Dropped
// is only what /proc/self/maps shows, at that moment, to be a shared mapping of a file that was seen to be a
// regular one, outside hugetlbfs and without DAX, when it was mapped. Never: private and anonymous memory,
// devices, locked memory (the kernel refuses it). Nothing is dropped by threads that serve faults, in
// handlers of SIGSEGV and SIGBUS, and in a process one of whose userfaultfds asked for remove events: its
// reader would be told that the memory is gone.
//
// Nothing is dropped while a hooked call may take a mapping away, and such a call waits for a drop that has
// begun (map_changes.h): else other memory may lie there by then. A program that unmaps by system calls of
// its own, which no hook sees, has only the few microseconds between the look at the maps and the drop
// against it.
//
// At most `storm_budget` MiB per second, the length of mappings counted, and a storm at least 128 KiB; what
// is mapped beyond that has its turn in later storms.
#pragma once

#include <atomic>
#include <cstdint>

#include "record/guard.h"

namespace faultline {

extern constinit std::atomic<bool> storming;
inline bool is_storming() {
  return storming.load(std::memory_order_relaxed);
}

// Before any thread is adopted, where the options say so; and once there is a trace.
void switch_storm_on();
void storm_begins(Guard& guard);
// A forked child's only thread; that of the parent which was dropping pages, if any, is not in it.
void storm_after_fork();
// Says in the trace how much was dropped: at the end of the process.
void report_storm(ThreadState& thread);

// The calling thread holds nothing and is about to take a lock. In its guarded section.
void storm_at_outermost(ThreadState& thread);

// A file has been mapped shared at `address`. Outside guarded sections.
void storm_sees_mapping(std::uintptr_t address, int fd);
// Around a call that may take mappings away. Outside guarded sections.
void storm_holds_off();
void storm_may_go_on();

// This process asked for events of removed memory: no storm any more.
void storm_leaves_process_alone();

}  // namespace faultline
