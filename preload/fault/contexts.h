// The userfaultfd contexts of this process: which descriptors are one, and which services their faults and
// events wait for.
//
// A descriptor is learned at UFFDIO_API, whatever way it was made (system call, /dev/userfaultfd), and where
// it came in from elsewhere (by SCM_RIGHTS, over a fork, as a fork's event, by pidfd_getfd, dup): when it is
// received, or at the first request made or message read by it. It is forgotten when closed, unless somebody
// else still has the context: then its memory goes on being served. The inode, unique to the context in all
// processes, is checked on use, so a descriptor number that came back as something else is not taken for one.
// Any thread.
#pragma once

#include <cstdint>

#include "record/guard.h"

namespace faultline {

struct FaultContext {
  int fd;          // -1: closed here, served elsewhere
  LockId service;  // what faults wait for: that they are resolved
  LockId reading;  // what events wait for: that their message is read
  std::uint64_t inode;
  std::uint64_t features;  // UFFD_FEATURE_*, as agreed on
  bool own_memory;         // it serves this process's; else that of whoever made it
};

// Whether this process uses userfaultfd at all: one load, for hooks of calls that every program makes.
inline bool any_fault_context();
// Whether `fd` may be a context: one that is known, or one that has never been looked at. No system call.
bool may_be_fault_context(int fd);

// The context behind `fd`, learned if it was not known. False: it is none. A few system calls for an unknown
// descriptor.
bool find_fault_context(Guard& guard, int fd, FaultContext& found, CallPoint at);
// The context whose `service` or `reading` that is; false: closed.
bool find_context_of(LockId service, FaultContext& found);

// `fd` has passed UFFDIO_API here, asking for `features`. The class of its services comes from where this
// happened.
void add_fault_context(Guard& guard, int fd, std::uint64_t features, CallPoint at);

// Whether any thread of any process waits for the context to resolve its fault. Reads a file of /proc.
bool has_waiters(const FaultContext& context);
// Around a close of `fd`: the service whose context it was, for the second call; none where it was none.
LockId fault_context_closes(int fd);
void fault_context_closed(Guard& guard, LockId service);
// `fd` may be another file from now on.
void forget_descriptor(int fd);

// `thread` reads the messages of the context. The only thread that was ever seen to do so; none where none or
// several were.
void note_reader(LockId reading, ThreadId thread);
ThreadId sole_reader(LockId reading);
bool any_reader(LockId reading);

// In a forked child: it has the descriptors, but its memory is not registered with them.
void fault_contexts_after_fork();

extern constinit std::atomic<int> fault_context_count;
inline bool any_fault_context() {
  return fault_context_count.load(std::memory_order_relaxed) != 0;
}

// Makes sure that the trace defines the service. Before any record that names it.
void write_service_record(ThreadState& writer, LockId service);
// The service, or the reading, as the bottom of what its server holds. `at`: where the message was read.
HeldId service_node(ThreadState& server, LockId service, StackId at);

}  // namespace faultline
