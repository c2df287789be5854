// Life and death of the shim in a process: start, fork, end; the parts every room shares.
#pragma once

#include "options.h"
#include "record/guard.h"
#include "sys/key_map.h"
#include "trace_writer.h"

namespace faultline {

// The process's trace. Lines are complete records that name only ids that earlier lines define.
extern constinit TraceWriter trace;

// What this process's trace already holds, by key: emptied in a forked child, whose trace starts anew.
extern constinit KeyMap recorded;
// What is true of the process whatever its trace holds (identities, names, stacks): outlives a fork.
extern constinit KeyMap remembered;

// Which of a process's traces a record was written to: one more after each fork. What carries another number
// has yet to be written.
extern constinit std::uint32_t trace_generation;

// Namespaces of the two maps' keys.
enum class Key : std::uint64_t {
  Stack = 1,
  StackWritten,
  Module,
  Lock,
  Class,
  ClassOrder,
  Demoted,
  Held,
  Dependency,
  DependencyThreads,
  Thread,
  SideIdentity,
  Fault,
  Role,
  Orphan,
  LeftBehind,
  Deadlock,
  ThreadEnd,
  MutexSemaphore,
  Initialised,
  Subclass,
  ClassName,
  FileLock,
  State,
  StateWritten,
  Token,
  NamedObject,
  StateName,
  AccessPattern,
  Clients,
  Assertion,
  StormFile,
  Device
};
constexpr std::uint64_t key_of(Key space, std::uint64_t a) {
  return mix(static_cast<std::uint64_t>(space) << 56, a);
}
constexpr std::uint64_t key_of(Key space, std::uint64_t a, std::uint64_t b) {
  return key_of(space, mix(a, b));
}

// Reads the options in `environment` and starts recording; the process's orderly end. Once each, by the
// library's constructor and destructor (constructor.cpp).
void start(char** environment);
void finish();

// Whether anything is recorded. False before the constructor, where the options say so, and for good once
// something cannot be trusted.
bool recording();
// Switches the shim off for good, with one line on stderr. Any thread.
void switch_off(const char* why, const char* detail = "");

// Makes sure that this process has a trace (a forked child makes its own at its first record). False: nothing
// can be recorded.
bool ensure_trace(ThreadState& thread);

// A forked child finds 0 in this page, and only a forked child: the kernel wipes it (MADV_WIPEONFORK). vfork,
// posix_spawn and threads share it. Null where the kernel cannot: then only the hook of fork tells.
extern constinit std::atomic<std::uint32_t>* fork_canary;

// Hot: whether this is a forked child that nobody has noticed yet.
inline bool is_unnoticed_child() {
  return fork_canary != nullptr && fork_canary->load(std::memory_order_relaxed) == 0;
}

// Called by Guard: has a fork happened that no hook saw? Then the child starts anew.
void notice_fork(ThreadState* survivor);
// The hook of fork calls these around the real one. `forked`: in the child.
void before_fork();
void after_fork(bool forked, ThreadState* survivor);

// Tells the trace which source of facts works: name, "on" | "off" | "refused", why.
void report_source(ThreadState& thread, const char* name, const char* state, const char* why);

// "faultline: " and the parts, one line on stderr. Any thread, no allocation.
void say(const char* first, const char* second = "", const char* third = "");

}  // namespace faultline
