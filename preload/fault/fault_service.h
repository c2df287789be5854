// Page faults that a userfaultfd server serves: what the faulting thread holds waits for the service, and
// what the server needs hangs under it.
//
// Design section 3, "Page faults". When the server reads a fault message, the faulting thread T is stopped by
// the kernel; its held stack can be read. Two dependencies of T are recorded: held -> mmap_lock (the declared
// one, shared, or the model one) and held -> service. Then, from the server's last idle point (poll, read) to
// the call that resolves the fault, each lock the server takes is a dependency service -> lock of the server,
// and, on T's behalf, held(T) + held(server) -> lock. A resolver that did not read the message is joined by
// address: what it took since its own last idle point counts.
//
// A message that no hook saw being read (io_uring, a raw system call) is made up for at the resolving call:
// who waits is found by unseen_faults.h. Where the faulting thread is another process's, the server's half is
// recorded alone; the context's inode joins it with the other half, in the other trace.
//
// All in guarded sections, by the serving thread, which is never on the lock fast path (its `limit` says so).
#pragma once

#include <linux/userfaultfd.h>

#include "fault/contexts.h"

namespace faultline {

// Messages have come out of `context`: `begin`, each in order, `end`.
void begin_messages(Guard& guard, const FaultContext& context, CallPoint at);
void message_read(Guard& guard, const FaultContext& context, const uffd_msg& message, CallPoint at);
void end_messages(Guard& guard);

// The hook of ioctl, around a request that resolves faults in [start, start + length): `begin` before it
// names the faults there are, `end` after it forgets them if it succeeded. In between the thread may fault
// again, with a new message.
struct Resolution {
  static constexpr std::size_t kMost = 16;
  std::uint32_t sequences[kMost];
  std::size_t count;
  bool unseen;  // nobody was seen to read of any
};
void begin_resolution(Guard& guard, const FaultContext& context, std::uint64_t start, std::uint64_t length,
                      CallPoint at, Resolution& resolution);
void end_resolution(Guard& guard, const Resolution& resolution);

// UFFDIO_REGISTER has succeeded.
void range_registered(Guard& guard, const FaultContext& context, const uffdio_register& request);

// The same for requests of any other service, known by a number: one has been read, and around the answer to
// it. `kAllItRead`: to all that the calling thread has read. What a thread took before an answer is not part of
// the next service.
constexpr std::uint64_t kAllItRead = 0;
void request_read(Guard& guard, LockId service, std::uint64_t number, CallPoint at);
void begin_answer(Guard& guard, LockId service, std::uint64_t number, CallPoint at, Resolution& resolution);
void end_answer(Guard& guard, const Resolution& resolution);

// A thread is about to wait for work: what it took before no longer counts as part of the next service. Every
// thread that polls in a process with a userfaultfd may be a server.
void server_is_idle(ThreadState& thread);

// A server takes a lock: called before it is pushed.
void server_acquires(Guard& guard, const HeldLock& entry);

void report_fault_sources(ThreadState& thread);
// `survivor`: the one thread of the forked child; null if not known.
void faults_after_fork(ThreadState* survivor);

}  // namespace faultline
