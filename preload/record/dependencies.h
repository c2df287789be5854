// Writes dependencies to the trace: each once per thread and epoch, with its whole held set, before the wait
// begins.
//
// Called from guarded sections, on new dependencies only (thread-local caches hold back the known ones).
// `writer` is the calling thread, whose scratch space is used; the thread that waits may be another one,
// stopped in a fault.
#pragma once

#include "json_line.h"
#include "record/lock_identity.h"

namespace faultline {

// What is waited for, and why.
struct Wait {
  LockWord to;
  LockKind kind;
  const volatile void* address;  // of the lock object, null where it is none
  Mode mode;
  StackId stack;
  Cause cause;
  bool timed;
  bool observed = true;  // false: it did not happen but could have
  std::uint8_t subclass = 0;
  std::uint64_t serves = 0;  // of a server: address of the fault it takes the lock for; 0: of none
};

// For Cause::Fault.
struct FaultFacts {
  std::uint64_t address;
  Access access;
  Origin origin;
  LockId service;
  bool exact_stack;  // of the faulting instruction; else the thread's newest recorded acquisition
};

// As the key `fault` of a record.
void write_fault(JsonLine& line, const FaultFacts& fault);

// Another thread acts on behalf of the waiting one.
struct Via {
  LockId service;
  ThreadId server;
};

// Records that `waiter`, in its present epoch and holding `under`, waits. `key` identifies the dependency
// among all of the process: held set with call sites, lock, mode, call site. Nothing is written if it is
// known, or past the bounds of docs/trace-format.md ("dep", `open`). Whether it was written.
bool record_dependency(ThreadState& writer, ThreadState& waiter, HeldId under, std::uint64_t key,
                       const Wait& wait, const FaultFacts* fault = nullptr, const Via* via = nullptr);

// Whether this dependency has been recorded for `waiter` in its present epoch: spares working out what it
// holds.
bool already_recorded(const ThreadState& waiter, std::uint64_t key);

// The node of the trace's tree of held sets for `lock` on top of `under`. Written if new. HeldId{}: not
// possible.
HeldId held_node(ThreadState& writer, HeldId under, const HeldLock& lock);

// The node of everything `holder` holds; HeldId{} if nothing. Keeps the nodes in the entries.
HeldId held_set(ThreadState& writer, ThreadState& holder);

// The same, with `below` beneath it and nothing kept: a server's locks on top of what its client holds.
HeldId held_set_above(ThreadState& writer, const ThreadState& holder, HeldId below);

// Makes sure that the trace has the thread's own record. Before any record that names it.
void write_thread_record(ThreadState& writer, ThreadState& thread);

}  // namespace faultline
