// What the shim knows of one thread: the locks it holds, where it takes locks, which dependencies it has
// already told.
//
// Lives in pages of the shim's own, reached through one initial-exec thread-local pointer (no __tls_get_addr,
// which may allocate; no thread_local destructor, which would run before the program's own). Only the thread
// itself writes it; a userfaultfd server reads the held stack of a thread that the kernel has stopped in a
// fault. States are recycled, thread ids never.
#pragma once

#include <stddef.h>

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

// What a lock is called, as it lies in the lock itself: its class and, where instances are told apart, its
// instance (record/lock_identity.h). 0: nothing is known of it.
struct LockWord {
  std::uint64_t bits;

  friend constexpr bool operator==(LockWord, LockWord) = default;
  constexpr explicit operator bool() const { return bits != 0; }
};

// One lock on a thread's held stack: acquired, or about to be (it is pushed before the wait begins).
struct HeldLock {
  const void* address;  // null for what is no object in memory
  std::uint64_t key;    // hash of the stack up to and including this entry: locks, modes, call sites
  LockWord word;        // as it was when the entry was pushed
  Place place;          // where it was taken
  HeldId node;          // its node in the trace; 0 until a dependency needs it
  LockKind kind;
  Mode mode;
  bool by_trylock;
  bool by_relock;  // at the end of a condition wait
};

static_assert(sizeof(HeldLock) == 40 && offsetof(HeldLock, node) == 32);  // all from `node` on is one word

// Where a lock function was called: the return address and the caller's stack pointer after the return. Taken
// in the hook itself.
struct CallPoint {
  std::uintptr_t return_address;
  std::uintptr_t frame;

  // One word for both. A thread's frames lie within 4 GiB and so does the code of a module, so two points
  // have one number only where modules lie 4 GiB apart in just the wrong distance.
  std::uint64_t number() const {
    return (return_address ^ (frame << 32 | frame >> 32)) * 0x9e3779b97f4a7c15u;
  }
};

// A call point of this thread whose stack is known. The same return address under the same frame address can
// still have another caller, so up to four return addresses further out are compared too, where they lie on
// the stack: a lock function behind guards and wrappers is told apart by who uses them. Stacks that differ
// only further out count as one.
struct alignas(64) CallSite {
  static constexpr int kCallers = 4;
  static constexpr std::int16_t kNoCaller =
      -1;  // the word below `frame`: our own return address, which never differs

  std::uint64_t number;  // of the call point; 0: none
  std::uint64_t callers_sum;
  std::uint64_t key;  // key_of_site(place.site)
  Place place;
  LockWord alone;                  // the lock last taken here with nothing else held
  LockWord fresh;                  // what a lock is called that comes to life here; 0: not known yet
  std::int16_t callers[kCallers];  // where their return addresses lie, in words from `frame`

  // Reads the stack that `frame` lies on: only with a frame address that is the running one.
  std::uint64_t sum(std::uintptr_t frame) const {
    const auto* words = reinterpret_cast<const std::uint64_t*>(frame);
    return words[callers[0]] + 4 * (words[callers[1]] + 4 * (words[callers[2]] + 4 * words[callers[3]]));
  }
  bool matches(std::uint64_t point, std::uintptr_t frame) const {
    return number == point && sum(frame) == callers_sum;
  }
};

constexpr std::uint64_t key_of_site(std::uint32_t site) {
  return site * 0xe7037ed1a0b428dbu;
}

// The key of a held stack: the key below it (0: nothing), and one lock with its mode and call site.
constexpr std::uint64_t chain_key(std::uint64_t below, LockWord lock, Mode mode, std::uint64_t site_key) {
  return ((below << 17 | below >> 47) ^ (lock.bits + site_key + static_cast<std::uint64_t>(mode))) *
         0x9e3779b97f4a7c15u;
}

// A lock a userfaultfd server took since its last idle point.
struct ServedAcquisition {
  LockWord lock;
  Place place;
  LockKind kind;
  Mode mode;
};

// A userfaultfd context whose messages a thread reads (fault/service_events.h), and where it did so first.
struct ServedReading {
  LockId reading;
  StackId read_at;
};

// A lock without room for its word, where it was last found.
struct SideWord {
  const volatile void* address;
  LockWord word;
};

// A call into the dynamic loader that holds one of its locks and whose end no hook sees
// (record/loader_calls.h).
struct LoaderCall {
  CallPoint at;
  std::uint8_t lock;
};

struct PerfRing;

struct ThreadState {
  static constexpr std::size_t kCallSites = 1024;  // by the upper 10 bits of the point's number
  static constexpr std::size_t kKnownKeys = 1024;  // by the upper 10 bits of the key
  static constexpr std::size_t kSideWords = 64;
  static constexpr std::size_t kHeldAtFirst = 256;
  static constexpr std::size_t kServerLog = 64;
  static constexpr std::size_t kMostReadings = 8;
  static constexpr std::size_t kMaxFrames = 64;
  static constexpr std::uint32_t kLoaderCalls = 16;
  static constexpr std::size_t kLineBytes = 16 << 10;
  static constexpr std::size_t kStackWords = 512;
  static constexpr int kMaxWalk = 96;             // frames of the program, and ours on top of them
  static constexpr std::size_t kMaxWaiters = 64;  // of one deadlock

  // Hot: one cache line. The held stack is [base, top), with an empty entry below `base`; pushing at or above
  // `limit` takes the slow path, which makes room. A thread that serves faults, is paused, has announced a
  // subclass, is inside the loader, or holds locks of files has limit == base: all its acquisitions take the
  // slow path. In storm mode all threads are so.
  HeldLock* top;
  HeldLock* base;
  HeldLock* limit;

  HeldLock* end;  // of the memory behind `base`
  ThreadId id;
  std::uint32_t epoch;
  int tid;
  int inlined_mutex_kinds;  // of sys/libc_locks.h
  bool inlines_others;
  std::atomic<bool> in_use;
  bool is_server;
  bool waits_in_steps;  // a server that has waited for a lock for a while (wait/server_wait.h)
  // The thread reads its ring before each change of its held set, and so is never on the hot path's first
  // tier.
  bool reads_ring;
  PerfRing* ring;  // opened by the thread or for it

  PublishedWait wait;

  // Dependencies already recorded by this thread in this epoch, by key. Direct mapped.
  std::uint64_t known[kKnownKeys];
  CallSite call_sites[kCallSites];
  // By address; void once `side_generation` is not the process's (lock_identity.h).
  SideWord side_words[kSideWords];
  std::uint64_t side_generation;
  std::uint64_t fresh_locks;    // that came to life on the hot path since last counted
  std::uint16_t captures[256];  // by hash of the return address; past a limit its stacks are no longer walked

  // Cold.
  std::uintptr_t stack_low;  // the stack the thread was made with; both 0 where not known
  std::uintptr_t stack_high;
  bool owns_libunwind;     // one of the few threads that libunwind keeps a cache for
  bool may_own_libunwind;  // has not asked for it yet
  std::uint32_t walks;
  ThreadId parent;
  std::uint32_t parent_epoch;
  void* (*start_routine)(void*);
  void* start_argument;
  std::size_t stack_size;  // asked for by its creator, without the guard; 0: not known
  int exit_rounds;         // how often the thread-exit destructor has run
  char name[16];           // as last written to the trace
  bool ring_refused;
  // Other threads that read the ring at present: it stays mapped for them (fault/perf_ring.h).
  mutable std::atomic<std::uint32_t> ring_readers;
  bool ring_was_full;          // when last read, with something held
  std::uint8_t ring_rests;     // how often it may still be put to rest
  bool idle_is_seen;           // of a server: some hook saw it wait for work
  bool served_overflowed;      // more acquisitions than `served` holds
  std::uint32_t served_count;  // entries of `served`
  ServedAcquisition served[kServerLog];
  std::uint32_t reading_count;
  ServedReading readings[kMostReadings];
  LockId spliced_from;  // the FUSE service whose request it moved into a pipe last; none once it read it
  // Locks this thread holds that other threads have released: they ask it, through `limit`, to take notice.
  std::atomic<const void*> released_by_others[8];
  // Of record/pause.h: how often recording is switched off, and locks taken meanwhile and not yet given up.
  std::uint32_t paused;
  std::uint32_t unwatched;
  // How often the program has ruled page faults out (annotate.h), and where first.
  std::uint32_t faults_disabled;
  StackId faults_disabled_at;
  std::uint32_t loader_call_count;
  LoaderCall loader_calls[kLoaderCalls];  // outermost first
  bool holds_files;                // locks of kind File, which may end without a hook (record/file_locks.h)
  std::uint8_t next_subclass;      // of the next lock taken (record/subclass.h)
  const void* announced;           // the lock of the program's own type that annotate.h said it waits for;
                                   // others may read it
  bool announced_is_published;     // that wait is in `wait`, too
  std::atomic<bool> forget_known;  // set by others, which stop it through `limit`
  // Locks that a signal handler took while the shim was busy with this thread, and has not released yet.
  std::uint32_t passed_count;
  const void* passed[8];
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

  CallSite& site_at(std::uint64_t number) { return call_sites[number >> 54]; }
  bool knows(std::uint64_t chain) const { return known[chain >> 54] == chain; }
  void learn(std::uint64_t chain) { known[chain >> 54] = chain; }
};

// The thread-local part. `active` is null while the shim is at work for this thread, before its first hook
// and after its end: then hooks take the slow way, which finds out which. `quick` is what the hot path goes
// by: the same, but null also where the thread has a ring to read first (fault/thread_faults.h).
struct ThreadLocal {
  ThreadState* quick;
  ThreadState* active;
  bool walking;  // an unwinder is at work for this thread
  bool ended;
  ThreadState* state;
};
extern thread_local constinit ThreadLocal tls __attribute__((tls_model("initial-exec")));

// Whatever a signal handler finds in between is safe: at worst it takes the slow path.
inline void set_active(ThreadState* thread) {
  tls.active = thread;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  tls.quick = thread->reads_ring ? nullptr : thread;
}
// In this order: a signal handler that came between would else find `active`, do its own work in a guarded
// section and leave `quick` set behind it, for other handlers to change the held stack while we do.
inline void set_inactive() {
  tls.active = nullptr;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  tls.quick = nullptr;
}

// The call point of the hook that uses it: must stand in the hook itself.
#define FAULTLINE_CALL_POINT                                                             \
  (::faultline::CallPoint{reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)), \
                          reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa())})

}  // namespace faultline
