// A per-thread ring of page-fault samples from perf: where a thread that the kernel has stopped in a fault
// is, exactly.
//
// The kernel writes one sample per fault (software event, period 1: address, instruction, user registers) at
// fault entry, before it blocks, into a ring that it overwrites from the oldest end. Nobody drains it: only
// the newest sample is read, by the userfaultfd server, while the owner is stopped. So the lock path pays
// nothing, a fault about 0.6 us, and no signal is involved. Rings are opened only in processes that use
// userfaultfd.
//
// The descriptor is closed as soon as the ring is mapped (the mapping keeps the event alive): a program may
// close or count its descriptors.
#pragma once

#include <cstdint>

#include "record/thread_state.h"

namespace faultline {

// User registers that unwinding needs, in the order of the sample (PERF_REG_X86_*).
struct UserRegisters {
  std::uint64_t bx, bp, sp, ip, r12, r13, r14, r15;
};

struct FaultSample {
  std::uint64_t instruction;  // where the fault was taken: kernel code for a copy by a system call
  std::uint64_t address;
  bool in_kernel;
  UserRegisters registers;  // of the user code, also for a fault in the kernel
};

// Opens rings for all live threads and, from now on, for new ones. Idempotent. In a guarded section.
void want_rings(ThreadState& caller);
void open_ring_if_wanted(ThreadState& thread);
void close_ring(ThreadState& thread);
void rings_after_fork();

// The newest sample of a thread that cannot run at present. False: no ring, or no sample.
bool newest_sample(const ThreadState& stopped, FaultSample& sample);

// For the trace's `source` record. State: "on", "off" (not wanted yet or by option), "refused".
struct RingStatus {
  const char* state;
  const char* why;
};
RingStatus ring_status();

}  // namespace faultline
