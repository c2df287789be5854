// The records of a trace as typed values: what the reader hands out and the analyzer's model is made of.
//
// Ids in here are dense: the reader renumbers what a trace defines to 1, 2, 3, ... per kind, in order of
// definition. The number the trace itself used is kept as `number` where a person may want to find it again.
// docs/trace-format.md gives the meaning of every field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ids.h"
#include "lock_vocabulary.h"

namespace faultline {

// A place in code or data: an offset from the load bias of a module, or an absolute address where the module
// is none.
struct Frame {
  ModuleId module;
  std::uint64_t offset = 0;

  friend constexpr bool operator==(const Frame&, const Frame&) = default;
};

struct HeaderRecord {
  std::string tool;  // version of the shim that wrote the trace
  std::string run;   // identifier shared by all processes of one `faultline run`, may be empty
  std::string exe;   // path of the program
  std::string arch;
  std::uint32_t pid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t started = 0;  // ns since 1970
  std::string boot;           // of the system it ran on, may be empty
  std::uint64_t page_size = 0;
};

struct StatsRecord {
  std::uint64_t threads = 0;
  std::uint64_t locks = 0;
  std::uint64_t dependencies = 0;
  std::uint64_t faults = 0;
  std::uint64_t summarised = 0;  // lock classes whose instances were no longer told apart
  // What was not recorded, by cause; causes of later versions too.
  std::vector<std::pair<std::string, std::uint64_t>> lost;
};

struct SourceRecord {
  std::string name;   // "preload", "stacks", "uffd", "perf"
  std::string state;  // "on", "off", "refused"
  std::string why;    // a sentence, may be empty
};

struct ModuleRecord {
  std::string path;
  std::string build_id;  // hexadecimal, may be empty
  std::uint64_t base = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

struct StackRecord {
  std::vector<Frame> frames;  // innermost first
  StackBy by = StackBy::Unwind;
};

struct ThreadRecord {
  std::uint32_t number = 0;
  std::uint32_t tid = 0;
  ThreadId parent;  // none: unknown
  std::uint32_t parent_epoch =
      0;  // what `parent` did up to and including this epoch happened before this thread
  std::string name;
};

// `joined` had ended before `thread` went on into the epochs above `epoch`.
struct JoinRecord {
  ThreadId thread;
  std::uint32_t epoch = 0;
  ThreadId joined;
};

struct LockRecord {
  std::uint32_t number = 0;
  LockKind kind = LockKind::Mutex;
  MutexType type = MutexType::Normal;                  // of a mutex
  RwlockPreference prefer = RwlockPreference::Reader;  // of an rwlock
  bool robust = false;
  bool shared = false;  // between processes
  std::uint64_t address = 0;
  bool of_process = false;  // of a file: its owner is the process, whose threads never wait for each other
  // Of a service: number of the userfaultfd's file, or device of the FUSE mount. Of a file: its own, and the
  // first byte of the lock. Of what processes share: where in which file, or object without a name, it lies.
  // Inode 0: not known.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  bool has_offset = false;
  bool events = false;     // of a service: that an event is read, not that a fault is resolved
  ThreadId thread;         // of a thread's end: which one; none otherwise
  StackId init;            // none: its initialisation was not seen
  StackId first;           // none: its first acquisition was not seen
  bool summary = false;    // stands for the locks of its class that were not told apart
  bool is_static = false;  // it lies in a module's image, at `place`
  Frame place;
};

// A node of the tree of held locks; a held set is the path from a node down to its root.
struct HeldRecord {
  HeldId under;  // none: the bottom
  LockId lock;
  Mode mode = Mode::Exclusive;
  StackId stack;              // where it was taken
  bool trylock = false;       // taken without waiting
  bool relock = false;        // taken again at the end of a condition wait
  std::uint8_t subclass = 0;  // annotated part among the locks of its class
};

// How far a dependency reaches beyond the epoch it was recorded in.
enum class Open : std::uint8_t {
  No,
  Epochs,   // assume it in every later epoch of its thread
  Threads,  // assume it in any further thread, at any time
};

// What a dependency of cause Fault knows of its fault; one of cause Service on a change of served memory, of
// its event.
struct FaultRecord {
  std::uint64_t address = 0;
  Access access = Access::Unknown;
  Origin origin = Origin::Unknown;
  LockId service;                   // none: no server serves this page
  bool stack_is_registers = false;  // that of the faulting instruction; else the thread's newest known one
};

// `thread`, holding the path of `under`, waits for `to`.
struct DependencyRecord {
  ThreadId thread;
  std::uint32_t epoch = 0;
  HeldId under;  // none: the thread held nothing
  LockId to;
  Mode mode = Mode::Exclusive;
  StackId stack;
  Cause cause = Cause::Call;
  bool timed = false;    // the wait ends by itself
  bool observed = true;  // false: it did not happen in this run but could have
  Open open = Open::No;
  std::uint8_t subclass = 0;  // of `to`, as in HeldRecord
  std::uint64_t serves = 0;   // of a server's own: address of the fault it takes `to` for; 0: not known
  LockId via_service;         // another thread waits on behalf of `thread`: the service it does so for ...
  ThreadId via_thread;        // ... and the serving thread; both none otherwise
  FaultRecord fault;          // of cause Fault; of Service with origin Event
  // No order but the wait of an OrphanRecord: `under` is what a thread of the parent process held at the
  // fork.
  bool orphan = false;
};

// A forked child's thread waits for a lock that another thread of the parent held at the fork: for ever.
struct OrphanRecord {
  DependencyRecord wait;
  std::uint32_t holder_tid = 0;
  std::string holder_name;
};

// One thread of a deadlock that happened: holding the path of `under`, it waits and will go on waiting.
struct DeadlockWait {
  ThreadId thread;
  HeldId under;  // none: it holds nothing
  LockId to;     // none: what it waits for is no lock the trace knows
  Mode mode = Mode::Exclusive;
  StackId stack;
  Cause cause = Cause::Call;
  std::string what;  // the spelling of a lock kind, or "condition"
  std::uint64_t address = 0;
  ThreadId joins;  // of a join: whose end it waits for; none where not known
};

struct DeadlockRecord {
  DeadlockKind kind = DeadlockKind::Cycle;
  std::uint32_t gone = 0;    // of HolderExited: tid of the thread that held the lock; 0 not known
  std::uint64_t others = 0;  // of Stall: further threads
  // Of a cycle, each waits for the next one, the last for the first.
  std::vector<DeadlockWait> waits;
};

// A piece of guarded state.
struct StateRecord {
  std::string name;
  std::uint64_t address = 0;
};

// `thread`, holding the path of `under`, reads or writes `state`.
struct AccessRecord {
  ThreadId thread;
  std::uint32_t epoch = 0;
  StateId state;
  HeldId under;  // none: nothing is held
  StackId stack;
  bool writes = false;
  Open open = Open::No;
  std::vector<ThreadId> clients;  // threads whose page faults it serves meanwhile: `under` is theirs too
};

// Where something was last done to a token.
struct TokenTime {
  ThreadId thread;  // none: not known
  StackId stack;
};

// `thread`, holding the path of `under`, finds that `claim` does not hold.
struct AssertionRecord {
  Claim claim = Claim::Held;
  ThreadId thread;
  HeldId under;
  StackId stack;
  std::vector<ThreadId> clients;  // as of an access
  std::uint64_t address = 0;      // of the lock or the token's object
  LockId lock;                    // Held, NotHeld: none where it was never seen
  bool exclusively = false;       // Held
  std::string token;              // Token: its name
  bool take = false;              // it was to be used up
  std::optional<TokenTime> given;
  std::optional<TokenTime> revoked;
  FaultRecord fault;  // Fault
  StackId disabled;   // Fault: where faults were ruled out
};

struct RangeRecord {
  LockId service;
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::vector<std::string> modes;  // "missing", "wp", "minor"
};

}  // namespace faultline
