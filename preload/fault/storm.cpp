#include "fault/storm.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "fault/fuse_mounts.h"
#include "options.h"
#include "raw_syscall.h"
#include "runtime.h"
#include "sys/mappings.h"

namespace faultline {

constinit std::atomic<bool> storming{false};

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kLeastInterval = 20'000;  // ns
// What a storm costs besides the drops: reading the maps takes about as long as dropping this.
constexpr std::uint64_t kPerStorm = 128 << 10;
constexpr std::uint64_t kLeastAtOnce = 1 << 20;

constinit std::atomic<bool> dropping{false};
constinit std::atomic<int> changes_in_flight{0};  // calls that may take mappings away
constinit std::atomic<std::uint64_t> not_before{0};
constinit std::atomic<std::uint64_t> dropped_bytes{0};
constinit std::atomic<std::uint64_t> storms{0};

// Of whoever is `dropping`.
struct Budget {
  std::uint64_t bytes;
  std::uint64_t filled_at;
  std::uintptr_t cursor;  // where the next storm begins
};
constinit Budget budget{};

std::uint64_t now() {
  timespec time{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, sys::as_long(&time));
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond + static_cast<std::uint64_t>(time.tv_nsec);
}

// No signal handler may run in the thread that drops: it could wait for itself.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    const std::uint64_t all = ~std::uint64_t{0};
    is_known_ = sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::as_long(&all), sys::as_long(&before_),
                          sizeof all) == 0;
  }
  ~SignalsBlocked() {
    if (is_known_) sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::as_long(&before_), 0, sizeof before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  // Whether the thread is, as far as its mask tells, in no handler that serves faults.
  bool outside_fault_handlers() const {
    constexpr std::uint64_t faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1);
    return is_known_ && (before_ & faults) == 0;
  }

 private:
  std::uint64_t before_ = 0;
  bool is_known_;
};

void refill(std::uint64_t time) {
  const std::uint64_t per_second = std::uint64_t{options.storm_budget} << 20;
  const std::uint64_t most = std::max(per_second / 8, kLeastAtOnce);
  // The clock was read before the last one to drop had done with it.
  if (time <= budget.filled_at) return;
  const std::uint64_t elapsed = std::min(time - budget.filled_at, kSecond);
  budget.bytes = std::min(most, budget.bytes + elapsed * (per_second >> 10) / (kSecond >> 10));
  budget.filled_at = time;
}

std::uint64_t file_key(const Mapping& mapping) {
  return key_of(Key::StormFile, mapping.device, mapping.inode);
}

// Drops what the budget allows of a mapping of a known file. False: it allows no more.
bool drop(const Mapping& mapping) {
  if (!mapping.shared || mapping.inode == 0 || mapping.high <= budget.cursor ||
      remembered.find(file_key(mapping)) == nullptr)
    return true;
  const std::uintptr_t start = std::max(mapping.low, budget.cursor);
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t length = std::min(mapping.high - start, budget.bytes / kPage * kPage);
  if (length != 0 &&
      sys::call(SYS_madvise, static_cast<long>(start), static_cast<long>(length), MADV_DONTNEED) == 0) {
    budget.bytes -= length;
    dropped_bytes.fetch_add(length, std::memory_order_relaxed);
  }
  const bool is_whole = start + length == mapping.high;
  budget.cursor = start + length;
  return is_whole;
}

void drop_pages(ThreadState& thread, std::uint64_t time) {
  refill(time);
  if (budget.bytes <= kPerStorm) return;
  budget.bytes -= kPerStorm;
  const bool all = visit_mappings(
      thread.line, sizeof thread.line, [](const Mapping& mapping, void*) { return drop(mapping); }, nullptr);
  if (all) budget.cursor = 0;
  storms.fetch_add(1, std::memory_order_relaxed);
}

// A regular file whose pages lie in the page cache. Nothing here may ask a FUSE server, which could be this
// thread, or wait for a lock that it holds.
bool keeps_its_pages(int fd, const char* path) {
  struct statx status {};
  const bool has_path = path != nullptr;
  const int how = AT_STATX_DONT_SYNC | (has_path ? 0 : AT_EMPTY_PATH);
  const long got = sys::call(SYS_statx, has_path ? AT_FDCWD : fd, sys::as_long(has_path ? path : ""), how,
                             STATX_TYPE, sys::as_long(&status));
  if (got != 0 || !S_ISREG(status.stx_mode) || (status.stx_attributes & STATX_ATTR_DAX) != 0) return false;
  // Only what has blocks like those of hugetlbfs is asked whether it is that.
  constexpr std::uint32_t kHugePage = 2 << 20;
  if (status.stx_blksize < kHugePage || fuse_service(has_path ? 0 : device_of(fd))) return true;
  struct statfs system {};
  const long known = has_path ? sys::call(SYS_statfs, sys::as_long(path), sys::as_long(&system))
                              : sys::call(SYS_fstatfs, fd, sys::as_long(&system));
  return known == 0 && system.f_type != HUGETLBFS_MAGIC;
}

void remember_file(const Mapping& mapping) {
  bool added;
  KeyMap::Value* value = remembered.find_or_add(file_key(mapping), &added);
  if (value != nullptr && added) value->store(1, std::memory_order_release);
}

// What was mapped before the hooks were told to look.
bool learn(const Mapping& mapping, void*) {
  const bool is_ours = std::strcmp(mapping.path, trace.path()) == 0;
  if (mapping.shared && mapping.path[0] == '/' && !is_ours && keeps_its_pages(-1, mapping.path))
    remember_file(mapping);
  return true;
}

void report(ThreadState& thread, const char* state, const char* why) {
  report_source(thread, "storm", state, why);
}

// Without libc, whose snprintf may allocate.
char* write_number(char* at, std::uint64_t number) {
  char digits[20];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while ((number /= 10) != 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

char* write_text(char* at, const char* text) {
  while (*text != '\0') *at++ = *text++;
  return at;
}

}  // namespace

void switch_storm_on() {
  if (options.faults != Faults::Storm) return;
  budget.filled_at = now() - kSecond;  // as if it had not been used for long
  storming.store(true, std::memory_order_relaxed);
}

void storm_begins(Guard& guard) {
  if (!is_storming()) return;
  ThreadState& thread = guard.thread();
  visit_mappings(thread.line, sizeof thread.line, learn, nullptr);
  report(thread, "on", "pages of shared mappings are dropped at outermost acquisitions: for tests");
  say("storm: pages of shared mappings are dropped again and again; for tests, not for production");
}

void storm_after_fork() {
  dropping.store(false, std::memory_order_relaxed);
  changes_in_flight.store(0, std::memory_order_relaxed);
}

void report_storm(ThreadState& thread) {
  if (options.faults != Faults::Storm || !is_storming()) return;
  char why[96];
  char* at = write_text(why, "dropped ");
  at = write_number(at, dropped_bytes.load(std::memory_order_relaxed));
  at = write_text(at, " bytes of shared mappings in ");
  at = write_number(at, storms.load(std::memory_order_relaxed));
  at = write_text(at, " storms");
  *at = '\0';
  report(thread, "on", why);
}

void storm_at_outermost(ThreadState& thread) {
  if (!is_storming() || thread.is_server || thread.paused != 0) return;
  const std::uint64_t time = now();
  if (time < not_before.load(std::memory_order_relaxed)) return;
  const SignalsBlocked signals;
  if (!signals.outside_fault_handlers() || dropping.exchange(true)) return;
  if (changes_in_flight.load() == 0) drop_pages(thread, time);
  not_before.store(time + kLeastInterval, std::memory_order_relaxed);
  dropping.store(false);
}

void storm_sees_mapping(std::uintptr_t address, int fd) {
  if (!keeps_its_pages(fd, nullptr)) return;
  Guard guard;
  if (!guard) return;
  // By the numbers that the maps show, which are not stat's on every file system.
  Mapping found;
  if (find_mapping(guard.thread().line, sizeof guard.thread().line, address, found) && found.shared)
    remember_file(found);
}

void storm_holds_off() {
  changes_in_flight.fetch_add(1);
  constexpr int kPatienceYields = 20000;
  for (int i = 0; dropping.load(); ++i) {
    // A forked child may not have noticed that it is one.
    if (i == 1) Guard{};
    sys::call(SYS_sched_yield);
    if (i == kPatienceYields) storming.store(false, std::memory_order_relaxed);
    if (i >= kPatienceYields) break;
  }
}

void storm_may_go_on() {
  changes_in_flight.fetch_sub(1);
}

void storm_leaves_process_alone() {
  if (!storming.exchange(false)) return;
  Guard guard;
  if (guard && ensure_trace(guard.thread()))
    report(guard.thread(), "off", "a userfaultfd of this process asked for events of removed memory");
}

}  // namespace faultline
