// What the shim knows of one thread: the locks it holds, where it takes locks, which dependencies it has
// already told.
//
// Lives in pages of the shim's own, reached through one initial-exec thread-local pointer (no __tls_get_addr,
// which may allocate; no thread_local destructor, which would run before the program's own). Only the thread
// itself writes it; a userfaultfd server reads the held stack of a thread that the kernel has stopped in a
// fault. States are recycled, thread ids never.
#pragma once

#include <atomic>
#include <cstdint>

#include "ids.h"
#include "lock_vocabulary.h"
#include "wait/published_wait.h"

namespace faultline {

// Where something was done: the full stack, and the identity of the call site (a hash of its innermost return
// addresses) that keys are made of.
struct Place {
  StackId stack;
  std::uint32_t site;
};

// One lock on a thread's held stack: acquired, or about to be (it is pushed before the wait begins).
struct HeldLock {
  const void* address;
  std::uint64_t key;  // hash of the stack up to and including this entry: locks, modes, call sites
  LockId lock;
  HeldId node;  // its node in the trace; 0 until a dependency needs it
  Place place;  // where it was taken
  LockKind kind;
  Mode mode;
  bool by_trylock;
};

static_assert(sizeof(HeldLock) == 40);

// Where a lock function was called: the return address and the caller's stack pointer after the return. Taken
// in the hook itself.
struct CallPoint {
  std::uintptr_t return_address;
  std::uintptr_t frame;
};

// A call point of this thread whose stack is known. The same return address under the same frame address can
// still have another caller, so up to five return addresses further out are compared too, where they lie on
// the stack: a lock function behind guards and wrappers is told apart by who uses them. Stacks that differ
// only further out count as one.
struct alignas(64) CallSite {
  static constexpr int kCallers = 5;
  static constexpr std::int16_t kNoCaller =
      -1;  // the word below `frame`: our own return address, which never differs

  std::uintptr_t return_address;
  std::uintptr_t frame;
  std::uintptr_t callers_sum;
  Place place;
  std::int16_t callers[kCallers];  // where their return addresses lie, in words from `frame`

  // Reads the stack that `frame` lies on: only with a frame address that is the running one.
  std::uintptr_t sum() const {
    const auto* words = reinterpret_cast<const std::uintptr_t*>(frame);
    return words[callers[0]] + 3 * words[callers[1]] + 5 * words[callers[2]] + 7 * words[callers[3]] +
           9 * words[callers[4]];
  }
  bool matches(CallPoint at) const {
    return return_address == at.return_address && frame == at.frame && sum() == callers_sum;
  }
};

// A lock a userfaultfd server took since its last idle point.
struct ServedAcquisition {
  LockId lock;
  Place place;
  LockKind kind;
  Mode mode;
};

// Where a call point is kept in `ThreadState::call_sites`.
constexpr std::size_t call_site_index(CallPoint at) {
  return ((at.return_address ^ (at.frame << 4)) * 0x9e3779b97f4a7c15u) >> 54;
}

struct PerfRing;

struct ThreadState {
  static constexpr std::size_t kCallSites = 1024;  // call_site_index gives 10 bits
  static constexpr std::size_t kKnownKeys = 1024;
  static constexpr std::size_t kHeldAtFirst = 256;
  static constexpr std::size_t kServerLog = 64;
  static constexpr std::size_t kMaxFrames = 64;
  static constexpr std::size_t kLineBytes = 16 << 10;
  static constexpr std::size_t kStackWords = 512;
  static constexpr int kMaxWalk = 96;             // frames of the program, and ours on top of them
  static constexpr std::size_t kMaxWaiters = 64;  // of one deadlock

  // Hot: one cache line. The held stack is [base, top); pushing at or above `limit` takes the slow path,
  // which makes room. A thread that serves faults has limit == base: all its acquisitions take the slow path.
  HeldLock* top;
  HeldLock* base;
  HeldLock* limit;

  HeldLock* end;  // of the memory behind `base`
  ThreadId id;
  std::uint32_t epoch;
  int tid;
  std::atomic<bool> in_use;
  bool is_server;

  PublishedWait wait;

  // Dependencies already recorded by this thread in this epoch, by key. Direct mapped.
  std::uint64_t known[kKnownKeys];
  CallSite call_sites[kCallSites];
  std::uint16_t captures[256];  // by hash of the return address; past a limit its stacks are no longer walked

  // Cold.
  std::uintptr_t stack_low;  // the stack the thread was made with; both 0 where not known
  std::uintptr_t stack_high;
  bool owns_libunwind;  // one of the few threads that libunwind keeps a cache for
  ThreadId parent;
  std::uint32_t parent_epoch;
  void* (*start_routine)(void*);
  void* start_argument;
  int exit_rounds;  // how often the thread-exit destructor has run
  char name[16];    // as last written to the trace
  PerfRing* ring;
  bool served_overflowed;      // more acquisitions than `served` holds
  std::uint32_t served_count;  // entries of `served`
  ServedAcquisition served[kServerLog];
  // Locks this thread holds that other threads have released: they ask it, through `limit`, to take notice.
  std::atomic<const void*> released_by_others[8];
  // Releases that a signal handler made while the shim was busy with this thread.
  std::uint32_t deferred_count;
  const void* deferred[8];

  // Scratch, valid within one guarded section: a thread's own stack may be as small as 16 KiB.
  std::uintptr_t stack_words[kStackWords];
  void* walked[kMaxWalk];
  std::uintptr_t frames[kMaxFrames];
  char line[kLineBytes];
  Waiter waiters[kMaxWaiters];
  HeldLock inline_held[kHeldAtFirst];
};

// The thread-local part. `active` is null while the shim is at work for this thread, before its first hook
// and after its end: then hooks take the slow way, which finds out which.
struct ThreadLocal {
  ThreadState* active;
  ThreadState* state;
  bool walking;  // an unwinder is at work for this thread
  bool ended;
};
extern thread_local constinit ThreadLocal tls __attribute__((tls_model("initial-exec")));

// The call point of the hook that uses it: must stand in the hook itself.
#define FAULTLINE_CALL_POINT                                                             \
  (::faultline::CallPoint{reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)), \
                          reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa())})

}  // namespace faultline
