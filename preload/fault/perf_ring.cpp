#include "fault/perf_ring.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/mman.h>

#include "fault/blocked_stack.h"
#include "fault/fault_samples.h"
#include "options.h"
#include "raw_syscall.h"
#include "record/held_stack.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {
namespace {

static_assert(offsetof(PerfRing, head) == offsetof(perf_event_mmap_page, data_head));
static_assert(offsetof(PerfRing, tail) == offsetof(perf_event_mmap_page, data_tail));
static_assert(offsetof(PerfRing, data_offset) == offsetof(perf_event_mmap_page, data_offset));
static_assert(offsetof(PerfRing, data_size) == offsetof(perf_event_mmap_page, data_size));

constexpr std::size_t kPage = 4096;
// Pages of data of a ring, by how many there are: what an unprivileged user may have (some 9 MiB by default)
// is to do for many threads. A page holds two samples with stacks. Small rings are dear besides: at each turn
// of a ring the kernel wakes a reader that there is not.
struct RingSize {
  int most_rings;
  std::size_t pages_with_stacks;
  std::size_t pages_without;
};
constexpr RingSize kSizes[] = {{8, 64, 8}, {64, 16, 4}, {~0u >> 1, 4, 1}};
constexpr std::uint64_t kRegisters =
    1u << PERF_REG_X86_BX | 1u << PERF_REG_X86_BP | 1u << PERF_REG_X86_SP | 1u << PERF_REG_X86_IP;

constinit std::atomic<bool> wanted{false};
constinit std::atomic<bool> user_faults_only{false};  // the kernel's own copies may not be watched
constinit std::atomic<int> refusal{0};                // errno of the first event that could not be had
constinit std::atomic<int> ring_count{0};
constinit std::atomic<bool> memory_refused{false};  // some thread got no ring for its event

// Storms are made for rings to see.
bool rings_everywhere() {
  return options.faults == Faults::Perf || options.faults == Faults::Storm;
}

int open_event(int tid, bool exclude_kernel) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  attributes.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR;
  if (options.stacks) {
    attributes.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
    attributes.sample_regs_user = kRegisters;
    attributes.sample_stack_user = kStackPiece;
  }
  attributes.exclude_kernel = exclude_kernel;
  attributes.exclude_hv = 1;
  // Also what malloc and the loader map. Its records cost every call that maps memory something.
  attributes.mmap = attributes.mmap_data = rings_everywhere();
  // Nobody waits for the ring: no wake-up before it is full.
  attributes.watermark = 1;
  attributes.wakeup_watermark = ~0u;
  return static_cast<int>(
      sys::call(SYS_perf_event_open, sys::as_long(&attributes), tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

// A descriptor, or minus an errno.
int open_permitted_event(int tid) {
  int fd = open_event(tid, user_faults_only.load(std::memory_order_relaxed));
  if (fd == -EACCES || fd == -EPERM) {
    fd = open_event(tid, true);
    if (fd >= 0) user_faults_only.store(true, std::memory_order_relaxed);
  }
  return fd;
}

PerfRing* map_ring(int fd) {
  const int count = ring_count.fetch_add(1, std::memory_order_relaxed);
  for (const RingSize& size : kSizes) {
    if (count >= size.most_rings) continue;
    const std::size_t pages = options.stacks ? size.pages_with_stacks : size.pages_without;
    const long at = sys::call(SYS_mmap, 0, (1 + pages) * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at >= 0 || at < -4095) return reinterpret_cast<PerfRing*>(at);
  }
  ring_count.fetch_sub(1, std::memory_order_relaxed);
  return nullptr;
}

void unmap_ring(PerfRing& ring) {
  sys::call(SYS_munmap, sys::as_long(&ring), ring.data_offset + ring.data_size);
  ring_count.fetch_sub(1, std::memory_order_relaxed);
}

// Whether no other thread reads the ring that `thread` had. One that was interrupted while it did may take
// any time.
bool no_reader_is_left(const ThreadState& thread) {
  constexpr int kPatienceYields = 1000;
  for (int i = 0; thread.ring_readers.load(std::memory_order_seq_cst) != 0; ++i) {
    if (i == kPatienceYields) return false;
    sys::call(SYS_sched_yield);
  }
  return true;
}

bool is_permitted() {
  return options.faults != Faults::Uffd && options.faults != Faults::Off;
}

// Why no event could be had, for people.
const char* reason(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "perf_event_open is not permitted (perf_event_paranoid, a container's filter)";
    case EMFILE:
    case ENFILE:
      return "no descriptor is left for perf_event_open";
    default:
      return "perf_event_open failed";
  }
}

}  // namespace

bool open_ring_if_wanted(ThreadState& thread) {
  if (!wanted.load(std::memory_order_acquire) || thread.ring != nullptr || thread.ring_refused) return true;
  const int fd = open_permitted_event(thread.tid);
  PerfRing* ring = fd >= 0 ? map_ring(fd) : nullptr;
  if (fd >= 0) sys::call(SYS_close, fd);
  if (ring != nullptr) {
    PerfRing* none = nullptr;
    if (!__atomic_compare_exchange_n(&thread.ring, &none, ring, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      unmap_ring(*ring);  // the thread and another one at the same moment
    else
      thread.reads_ring = tls.state == &thread;
    return true;
  }
  if (fd == -ESRCH) return true;  // the thread has ended
  thread.ring_refused = true;
  if (fd >= 0) memory_refused.store(true, std::memory_order_relaxed);
  int none = 0;
  if (fd < 0) refusal.compare_exchange_strong(none, -fd, std::memory_order_relaxed);
  return false;
}

void want_rings() {
  if (!is_permitted() || wanted.exchange(true)) return;
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at) {
    if (!is_live(*state)) continue;
    open_ring_if_wanted(*state);
    // Its owner is to notice, and to read it from then on.
    stop_at_next_acquisition(*state);
  }
}

void want_rings_from_start() {
  if (!rings_everywhere()) return;
  load_blocked_stack_unwinder();
  const int fd = open_permitted_event(0);
  if (fd >= 0) {
    sys::call(SYS_close, fd);
    wanted.store(true, std::memory_order_release);
    return;
  }
  refusal.store(-fd, std::memory_order_relaxed);
  say(options.faults == Faults::Perf ? "faults=perf: page faults are not watched: "
                                     : "faults=storm: page faults are not watched: ",
      reason(-fd));
}

void close_ring(ThreadState& thread) {
  PerfRing* ring = thread.ring;
  if (thread.ring_was_full) trace.lose(Lost::FaultRing);  // how many is not known
  thread.ring_was_full = false;
  thread.reads_ring = false;
  thread.ring_refused = false;
  __atomic_store_n(&thread.ring, static_cast<PerfRing*>(nullptr), __ATOMIC_SEQ_CST);
  if (ring != nullptr && no_reader_is_left(thread)) unmap_ring(*ring);
}

void rings_after_fork() {
  // Of the events a child has none; what was refused for good it would be refused again.
  if (!rings_everywhere()) wanted.store(false, std::memory_order_relaxed);
  memory_refused.store(false, std::memory_order_relaxed);
  ring_count.store(0, std::memory_order_relaxed);
}

RingStatus ring_status() {
  if (!is_permitted()) return {"off", "by option"};
  if (refusal.load(std::memory_order_relaxed) != 0) {
    switch (refusal.load(std::memory_order_relaxed)) {
      case EACCES:
      case EPERM:
        return {"refused",
                "perf_event_open is not permitted (perf_event_paranoid, a container's filter): only faults "
                "that a userfaultfd server of this process reads are seen, with the thread's newest recorded "
                "acquisition instead of their own stack"};
      case EMFILE:
      case ENFILE:
        return {"refused",
                "no descriptor was left for perf_event_open: page faults of some threads are not seen"};
      default:
        return {"refused",
                "perf_event_open failed: only faults that a userfaultfd server of this process reads are "
                "seen, with the thread's newest recorded acquisition instead of their own stack"};
    }
  }
  if (!wanted.load(std::memory_order_acquire))
    return {"off", "not needed: this process serves no page faults (faults=perf watches all the same)"};
  if (memory_refused.load(std::memory_order_relaxed))
    return {"refused",
            "no memory left for perf rings (perf_event_mlock_kb, RLIMIT_MEMLOCK): page faults of some "
            "threads are not seen"};
  if (user_faults_only.load(std::memory_order_relaxed))
    return {"on",
            "user-mode faults only: perf_event_paranoid hides those of the kernel's own copies (read, "
            "write, ...)"};
  return {"on", ""};
}

}  // namespace faultline
