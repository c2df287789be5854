#include "runtime.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "eligibility.h"
#include "fault/fault_service.h"
#include "fault/fuse_mounts.h"
#include "fault/perf_ring.h"
#include "fault/storm.h"
#include "json_line.h"
#include "raw_syscall.h"
#include "real.h"
#include "record/file_locks.h"
#include "record/held_stack.h"
#include "record/leaf_locks.h"
#include "record/lock_identity.h"
#include "record/orphans.h"
#include "record/thread_registry.h"
#include "record/unwinder.h"
#include "sys/arena.h"
#include "sys/libc_locks.h"

namespace faultline {

constinit TraceWriter trace;
constinit KeyMap recorded;
constinit KeyMap remembered;
constinit std::uint32_t trace_generation = 1;
constinit std::atomic<std::uint32_t>* fork_canary = nullptr;

namespace {

constinit std::atomic<bool> is_recording{false};
constinit std::atomic<bool> switched_off{false};
constinit std::atomic<bool> trace_being_made{false};

void make_fork_canary() {
  void* page = map_pages(4096);
  if (page == nullptr || sys::call(SYS_madvise, sys::as_long(page), 4096, MADV_WIPEONFORK) != 0) return;
  fork_canary = static_cast<std::atomic<std::uint32_t>*>(page);
  fork_canary->store(1, std::memory_order_relaxed);
}

void child_starts_anew(ThreadState* survivor) {
  ++trace_generation;
  trace.abandon();
  recorded.clear();
  remembered.forget_adder();
  trace_being_made.store(false, std::memory_order_relaxed);
  classes_after_fork();
  identities_after_fork();
  collect_orphans(survivor);
  registry_after_fork(survivor);
  file_locks_after_fork(survivor);
  faults_after_fork(survivor);
  storm_after_fork();
  if (fork_canary != nullptr) fork_canary->store(1, std::memory_order_relaxed);
  trace.stats.threads.store(1, std::memory_order_relaxed);
}

std::string_view file_name(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  return path;
}

template <std::size_t N>
std::string_view executable(char (&room)[N]) {
  const long length =
      sys::call(SYS_readlinkat, AT_FDCWD, sys::as_long("/proc/thread-self/exe"), sys::as_long(room), N);
  return length > 0 ? std::string_view(room, static_cast<std::size_t>(length)) : "unknown";
}

std::uint64_t nanoseconds_now() {
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_REALTIME, sys::as_long(&now));
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u + static_cast<std::uint64_t>(now.tv_nsec);
}

// Of the running system: inode numbers of another boot mean something else. Empty where it is not told.
std::string_view boot_id(char (&room)[40]) {
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/sys/kernel/random/boot_id"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const long length = sys::call(SYS_read, fd, sys::as_long(room), sizeof room);
  sys::call(SYS_close, fd);
  constexpr long kLength = 36;
  return length >= kLength ? std::string_view(room, kLength) : std::string_view();
}

// `refused`: why nothing will be recorded; null where it will.
bool make_trace(ThreadState& thread, const char* refused = nullptr) {
  char exe[1024];
  const std::string_view path = executable(exe);
  const long pid = sys::call(SYS_getpid);
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("trace")
      .text("format", kTraceFormat)
      .number("version", kTraceVersion)
      .text("tool", FAULTLINE_VERSION);
  line.text("run", options.run).number("pid", static_cast<std::uint64_t>(pid));
  line.number("ppid", static_cast<std::uint64_t>(sys::call(SYS_getppid))).text("exe", path);
  char boot[40];
  line.number("started", nanoseconds_now()).text("boot", boot_id(boot));
  line.text("arch", "x86_64").number("page_size", 4096);
  if (!trace.create(options.out, file_name(path), static_cast<int>(pid), line.end())) {
    // A forked child may have given up its rights to the directory: its parent has nothing to be told.
    if (trace_generation == 1) {
      switch_off("no trace can be written to ", options.out);
    } else {
      is_recording.store(false, std::memory_order_release);
    }
    return false;
  }
  report_source(thread, "preload", refused != nullptr ? "refused" : "on", refused != nullptr ? refused : "");
  if (refused != nullptr) return true;
  report_source(thread, "stacks", std::strcmp(unwinder_name(), "none") == 0 ? "off" : "on", unwinder_name());
  report_fault_sources(thread);
  return true;
}

// Leaves a trace that says so, for whoever looks for one, and a line on stderr.
void refuse(const char* why) {
  switch_off(why);
  auto* scratch = static_cast<ThreadState*>(map_pages(sizeof(ThreadState)));
  if (scratch == nullptr) return;
  if (make_trace(*scratch, why)) trace.trim();
  unmap_pages(scratch, sizeof(ThreadState));
}

}  // namespace

void start(char** environment) {
  // Another libc hands constructors no arguments.
  if (!has_glibc()) environment = environ;
  const char* text = nullptr;
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry)
    if (std::strncmp(*entry, "FAULTLINE_OPTIONS=", 18) == 0) text = *entry + 18;
  real::resolve_all();
  read_options(text);
  char exe[1024];
  if (!options.enabled || !is_wanted(executable(exe))) return;
  if (const char* why = unwatchable()) return refuse(why);
  initialise_unwinder();
  initialise_leaf_locks();
  new_tag_salt();
  make_fork_canary();
  initialise_registry();
  learn_fuse_mounts();
  libc::inline_lock_functions(options.inline_locks);
  want_rings_from_start();
  switch_storm_on();
  is_recording.store(true, std::memory_order_release);
  Guard guard;
  if (!guard || !ensure_trace(guard.thread())) return;
  if (options.verbosity > 0) say("recording to ", trace.path());
  storm_begins(guard);
}

void finish() {
  Guard guard;
  if (!guard || !trace.is_open()) return;
  report_storm(guard.thread());
  JsonLine line(guard.thread().line, sizeof guard.thread().line);
  find_thread([](ThreadState& thread) {
    count_fresh_locks(thread);
    return false;
  });
  trace.append(line.begin("end").number("at", nanoseconds_now()).end());
  trace.refresh_stats();
  trace.trim();
}

bool recording() {
  return is_recording.load(std::memory_order_acquire);
}

void switch_off(const char* why, const char* detail) {
  is_recording.store(false, std::memory_order_release);
  if (!switched_off.exchange(true)) say("switched off: ", why, detail);
}

bool ensure_trace(ThreadState& thread) {
  if (trace.is_open()) return true;
  if (!recording()) return false;
  // Only a forked child's threads can meet here: the constructor made the first trace alone.
  if (trace_being_made.exchange(true)) {
    constexpr int kPatienceYields = 20000;
    for (int i = 0; i < kPatienceYields && !trace.is_open() && recording(); ++i) sys::call(SYS_sched_yield);
    return trace.is_open();
  }
  return make_trace(thread);
}

void notice_fork(ThreadState* survivor) {
  if (!is_unnoticed_child()) return;
  resume_walking(true);
  child_starts_anew(survivor);
}

void before_fork() {
  // The child's first acquisition, perhaps in a handler that the program registered for it, is to notice the
  // fork.
  if (ThreadState* thread = tls.active) stop_at_next_acquisition(*thread);
  stop_walking();
}

void after_fork(bool forked, ThreadState* survivor) {
  resume_walking(forked);
  if (!forked) return;
  // Handlers that the program registered for the child have run and may have been noticed already.
  if (fork_canary == nullptr || fork_canary->load(std::memory_order_relaxed) == 0)
    child_starts_anew(survivor);
}

void report_source(ThreadState& thread, const char* name, const char* state, const char* why) {
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("source").text("name", name).text("state", state).text("why", why).end());
}

void say(const char* first, const char* second, const char* third) {
  char text[512];
  std::size_t length = 0;
  for (const char* part : {"faultline: ", first, second, third}) {
    const std::size_t size = strnlen(part, sizeof text - 1 - length);
    std::memcpy(text + length, part, size);
    length += size;
  }
  text[length++] = '\n';
  sys::call(SYS_write, 2, sys::as_long(text), static_cast<long>(length));
}

}  // namespace faultline
