// The process in which no thread can ever run again.
//
// Noticed by the last thread that begins a wait without a time limit, before it blocks, or that ends while
// all others wait. Nothing is assumed: every thread the kernel knows of is one of ours, publishes such a
// wait, and is asleep in it by the words of the object itself (nobody has been woken who has not yet said so)
// and by /proc; nothing waited for is shared with another process; no signal handler, timer or other thread
// is left that could set one free, nor was any thread ever cancelled; and after all that every wait is still
// the same one. Where any of it cannot be known, there is no stall. Conditions only with the C libraries
// whose layout is known.
//
// Cost, where some other thread does not wait: one or two loads. A hand-over of which the second thread waits
// while the first is still waking costs a look at the first one's condition: no system call where both use
// one mutex, else one or two. Processes of more than `kMostThreads` threads are not looked at.
#pragma once

#include "wait/wait_graph.h"

namespace faultline {

constexpr std::uint32_t kMostThreads = 512;

// `thread` has published its wait, or is at its end (`leaves`).
bool find_stall(ThreadState& thread, bool leaves, Deadlock& found);

// A thread is about to be cancelled: its wait may end by that at any later time. Any thread.
void thread_may_be_cancelled();

}  // namespace faultline
