// A per-thread ring of page-fault samples from perf: every fault of the thread, in order, with the registers
// and a piece of the stack of the faulting instruction.
//
// The kernel writes one sample per fault (software event, period 1) at fault entry, before it blocks. The
// owner reads them just before every change of its held set (fault/thread_faults.h), so each fault belongs to
// exactly the set held then. A full ring keeps what came first. No signal is involved, and a thread without a
// ring pays nothing. Price of a fault: 0.3 us without stacks, 0.7 us with; of a context switch some 0.8 us;
// of a ring: some 50 us and up to 260 KiB, which for an unprivileged user count against perf_event_mlock_kb
// and RLIMIT_MEMLOCK.
//
// In processes that are watched whether or not they have a fault service (faults=perf, faults=storm) the ring
// also tells that the thread's mappings have changed, by whatever code.
//
// The descriptor is closed as soon as the ring is mapped (the mapping keeps the event alive): a program may
// close or count its descriptors. A forked child has neither the mapping nor the event.
#pragma once

#include <atomic>
#include <cstdint>

#include "record/thread_state.h"

namespace faultline {

// What the kernel maps: a page of positions (struct perf_event_mmap_page), then the data. Positions only
// grow; a byte lies at its position modulo `data_size`.
struct PerfRing {
  unsigned char unused[1024];
  std::atomic<std::uint64_t> head;  // the kernel's: end of the newest record
  std::atomic<std::uint64_t> tail;  // ours: the kernel does not overwrite from here on
  std::uint64_t data_offset;
  std::uint64_t data_size;  // a power of two

  const char* data() const { return reinterpret_cast<const char*>(this) + data_offset; }
};

// Rings for all threads from now on, if the option permits: for each when it next takes a lock, and for
// those that live at once. Idempotent. In a guarded section.
void want_rings();

// At start, where the option asks for rings in every process: finds out whether they can be had, and says it
// if not.
void want_rings_from_start();

// In a guarded section; `thread` may be another one than the caller. Nothing where no rings are wanted, or
// the thread has one or was refused one. False: it is refused one now.
bool open_ring_if_wanted(ThreadState& thread);
void close_ring(ThreadState& thread);
void rings_after_fork();

// A ring at rest looks full to the kernel, which then drops what it samples for a third of the price of
// keeping it. Its owner puts it to rest when it holds nothing more, and takes it into use again before it
// takes a lock.
constexpr bool is_at_rest(std::uint64_t tail, std::uint64_t head) {
  return tail == head + 1;
}

// Hot: whether the ring has what its owner has not read, or is at rest.
inline bool has_new_samples(const PerfRing& ring) {
  return ring.head.load(std::memory_order_acquire) != ring.tail.load(std::memory_order_relaxed);
}

// The ring of another thread, which may run, and end: it stays mapped while this lives. In guarded sections;
// briefly, as a thread that ends waits for it a moment, and leaves the ring mapped after that.
class RingInUse {
 public:
  explicit RingInUse(const ThreadState& owner) : readers_(owner.ring_readers) {
    readers_.fetch_add(1, std::memory_order_seq_cst);
    ring_ = __atomic_load_n(&owner.ring, __ATOMIC_SEQ_CST);
  }
  ~RingInUse() { readers_.fetch_sub(1, std::memory_order_release); }
  RingInUse(const RingInUse&) = delete;
  RingInUse& operator=(const RingInUse&) = delete;

  // Null: the thread has none.
  PerfRing* get() const { return ring_; }

 private:
  std::atomic<std::uint32_t>& readers_;
  PerfRing* ring_;
};

// For the trace's `source` record. State: "on", "off" (not wanted yet or by option), "refused".
struct RingStatus {
  const char* state;
  const char* why;
};
RingStatus ring_status();

}  // namespace faultline
