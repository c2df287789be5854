// What is done about a deadlock: a record in the trace, a few lines on stderr, and where the options say so
// the process's end.
//
// Each is told once in a process, by the thread that closed it: the same locks waited for at the same places
// are no further one. `on_deadlock=kill` ends the process with
// status 66 after a grace of about a second, if the same threads are still in the same waits; until then, and
// for good with `report`, the program is left as it is. Where a page fault is part of a cycle it must stand
// for some tenths of a second before it is told: a thread that nobody has seen serve a fault yet may be about
// to.
#pragma once

#include "wait/wait_graph.h"

namespace faultline {

using FindDeadlock = bool (*)(ThreadState& thread, Deadlock& found);

// Looks, and deals with what is found. The calling thread has published its wait and is not in a guarded
// section.
void watch_for_deadlock(FindDeadlock find);

// Deals with what a thread found at its end, when there is no guarded section for it any more.
void deadlock_found(ThreadState& thread, const Deadlock& found, FindDeadlock find);

// The record and the text. `waiters` of the deadlock are blocked, so that what they hold can be read.
void write_deadlock(ThreadState& writer, const Deadlock& found);
void print_deadlock(ThreadState& writer, const Deadlock& found);

}  // namespace faultline
