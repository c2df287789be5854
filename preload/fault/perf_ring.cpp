#include "fault/perf_ring.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include <cstring>

#include "options.h"
#include "raw_syscall.h"
#include "record/thread_registry.h"

namespace faultline {
namespace {

constexpr std::size_t kDataBytes = 8 * 4096;
constexpr std::size_t kRingBytes = 4096 + kDataBytes;
constexpr std::uint64_t kRegisters = 1u << PERF_REG_X86_BX | 1u << PERF_REG_X86_BP | 1u << PERF_REG_X86_SP |
                                     1u << PERF_REG_X86_IP | 1u << PERF_REG_X86_R12 | 1u << PERF_REG_X86_R13 |
                                     1u << PERF_REG_X86_R14 | 1u << PERF_REG_X86_R15;

constinit std::atomic<bool> wanted{false};
constinit std::atomic<bool> user_faults_only{false};  // the kernel's own copies may not be watched
constinit std::atomic<int> refusal{0};                // errno of the first ring that could not be had

// The sample as the kernel writes it for IP | ADDR | REGS_USER.
struct Sample {
  perf_event_header header;
  std::uint64_t ip;
  std::uint64_t address;
  std::uint64_t abi;
  UserRegisters registers;
};

int open_event(int tid, bool exclude_kernel) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  attributes.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER;
  attributes.sample_regs_user = kRegisters;
  attributes.exclude_kernel = exclude_kernel;
  attributes.exclude_hv = 1;
  attributes.write_backward = 1;
  attributes.watermark = 1;
  attributes.wakeup_watermark = ~0u;
  return static_cast<int>(
      sys::call(SYS_perf_event_open, sys::as_long(&attributes), tid, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

// What the kernel maps: its page of positions, then the data.
struct PerfRing {
  perf_event_mmap_page page;
};

void open_ring_if_wanted(ThreadState& thread) {
  if (!wanted.load(std::memory_order_acquire) || thread.ring != nullptr) return;
  int fd = open_event(thread.tid, user_faults_only.load(std::memory_order_relaxed));
  if (fd == -EACCES || fd == -EPERM) {
    fd = open_event(thread.tid, true);
    if (fd >= 0) user_faults_only.store(true, std::memory_order_relaxed);
  }
  if (fd < 0) {
    refusal.store(-fd, std::memory_order_relaxed);
    return;
  }
  const long at = sys::call(SYS_mmap, 0, kRingBytes, PROT_READ, MAP_SHARED, fd, 0);
  sys::call(SYS_close, fd);
  if (at < 0 && at > -4096) {
    refusal.store(static_cast<int>(-at), std::memory_order_relaxed);
    return;
  }
  thread.ring = reinterpret_cast<PerfRing*>(at);
}

void want_rings(ThreadState&) {
  if (options.faults == Faults::Uffd || options.faults == Faults::Off || wanted.exchange(true)) return;
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at)
    if (is_live(*state)) open_ring_if_wanted(*state);
}

void close_ring(ThreadState& thread) {
  if (thread.ring == nullptr) return;
  sys::call(SYS_munmap, sys::as_long(thread.ring), kRingBytes);
  thread.ring = nullptr;
}

void rings_after_fork() {
  wanted.store(false, std::memory_order_relaxed);
  refusal.store(0, std::memory_order_relaxed);
}

bool newest_sample(const ThreadState& stopped, FaultSample& result) {
  if (stopped.ring == nullptr) return false;
  const perf_event_mmap_page& page = stopped.ring->page;
  // Written backwards: the newest record starts at data_head.
  const std::uint64_t head = __atomic_load_n(&page.data_head, __ATOMIC_ACQUIRE);
  if (head == 0) return false;
  const char* data = reinterpret_cast<const char*>(stopped.ring) + page.data_offset;
  Sample sample;
  for (std::size_t i = 0; i < sizeof sample; ++i)
    reinterpret_cast<char*>(&sample)[i] = data[(head + i) % kDataBytes];
  if (sample.header.type != PERF_RECORD_SAMPLE || sample.header.size != sizeof sample ||
      sample.abi == PERF_SAMPLE_REGS_ABI_NONE)
    return false;
  result.instruction = sample.ip;
  result.address = sample.address;
  result.in_kernel = (sample.header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
  result.registers = sample.registers;
  return true;
}

RingStatus ring_status() {
  if (options.faults == Faults::Uffd || options.faults == Faults::Off) return {"off", "by option"};
  if (!wanted.load(std::memory_order_acquire))
    return {"off", "not needed: this process does not use userfaultfd"};
  switch (refusal.load(std::memory_order_relaxed)) {
    case 0:
      break;
    case EACCES:
    case EPERM:
      return {"refused",
              "perf_event_open is not permitted: faults show the thread's newest recorded acquisition "
              "instead of their own stack"};
    case ENOMEM:
    case EMFILE:
      return {"refused",
              "no memory left for perf rings (perf_event_mlock_kb): faults of some threads show their newest "
              "recorded acquisition"};
    default:
      return {"refused",
              "perf_event_open failed: faults show the thread's newest recorded acquisition instead of their "
              "own stack"};
  }
  if (user_faults_only.load(std::memory_order_relaxed))
    return {"on", "user-mode faults only: perf_event_paranoid hides the kernel's own copies"};
  return {"on", ""};
}

}  // namespace faultline
