// The words of lock-order validation that shim and analyzer share, each with its spelling in traces and
// reports.
//
// Values are not part of any format: traces carry the spellings. No policy here but `blocks`, the one rule of
// section 3 of the design about which hold can block which wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace faultline {

enum class LockKind : std::uint8_t {
  Mutex,
  Rwlock,
  Spin,
  Semaphore,
  Barrier,
  Once,         // pthread_once, call_once: held by the thread that runs the initialiser
  StaticGuard,  // the initialisation of a function's static variable, likewise
  Thread,       // a thread's end: held by the thread all its life, waited for by whoever joins it
  Loader,       // the dynamic loader's two locks
  File,         // flock, lockf and fcntl locks, by device and inode
  GMutex,       // GLib's, which is a futex lock of its own
  Custom,       // a lock type of the program's own, declared through annotate.h
  Service,   // the service of page faults by a userfaultfd server: waiting for it is waiting for that server
  MmapLock,  // the model of the kernel's mmap_lock, where the program declared none of its own
};

enum class MutexType : std::uint8_t { Normal, Recursive, Errorcheck, Adaptive };

enum class RwlockPreference : std::uint8_t { Reader, Writer, WriterNonrecursive };

// How a lock is held or waited for.
enum class Mode : std::uint8_t {
  Exclusive,
  SharedRecursive,  // a reader that never waits for a waiting writer: glibc's default rwlock
  SharedFair,       // a reader that may queue behind a waiting writer: PREFER_WRITER_NONRECURSIVE_NP, and
                    // mmap_lock
};

// Why a thread waits for a lock.
enum class Cause : std::uint8_t {
  Call,     // a lock function
  Relock,   // a condition wait that takes its mutex again
  Join,     // waits for the end of a thread
  Once,     // waits for, or becomes, the thread that runs an initialiser
  Loader,   // loads, unloads or looks something up
  Fault,    // a page fault
  Service,  // what whoever serves the thread's fault takes, on its behalf; or the service itself, by a call
  Mmap,     // a call that changes the process's memory mappings
};

enum class Access : std::uint8_t { Read, Write, Unknown };

// Who touched the page of a fault. Event: nobody; a call that changes served memory waits until its server
// has read of it.
enum class Origin : std::uint8_t { User, KernelCopy, Unknown, Event };

// How a call stack was obtained.
enum class StackBy : std::uint8_t { Unwind, Registers, ReturnAddress };

// What keeps threads from ever running again.
enum class DeadlockKind : std::uint8_t {
  Cycle,         // each waits for what the next one holds
  Self,          // one waits for what it holds itself
  HolderExited,  // the thread that held the lock has ended without releasing it
  Stall,         // every thread of the process waits, and nothing is left that could wake one
};

// What a program says must be so, through annotate.h.
enum class Claim : std::uint8_t {
  Held,     // the thread holds a lock
  NotHeld,  // it does not
  Token,    // a permission has been given
  Fault,    // no page fault waits for anybody here
};

constexpr std::string_view spelling(LockKind k) {
  constexpr std::string_view names[] = {"mutex",  "rwlock",       "spin",    "semaphore", "barrier",
                                        "once",   "static-guard", "thread",  "loader",    "file",
                                        "gmutex", "custom",       "service", "mmap_lock"};
  return names[static_cast<int>(k)];
}
constexpr std::string_view spelling(MutexType t) {
  constexpr std::string_view names[] = {"normal", "recursive", "errorcheck", "adaptive"};
  return names[static_cast<int>(t)];
}
constexpr std::string_view spelling(RwlockPreference p) {
  constexpr std::string_view names[] = {"reader", "writer", "writer-nonrecursive"};
  return names[static_cast<int>(p)];
}
constexpr std::string_view spelling(Mode m) {
  constexpr std::string_view names[] = {"exclusive", "shared-recursive", "shared-fair"};
  return names[static_cast<int>(m)];
}
constexpr std::string_view spelling(Cause c) {
  constexpr std::string_view names[] = {"call",   "relock", "join",    "once",
                                        "loader", "fault",  "service", "mmap"};
  return names[static_cast<int>(c)];
}
constexpr std::string_view spelling(Access a) {
  constexpr std::string_view names[] = {"read", "write", "unknown"};
  return names[static_cast<int>(a)];
}
constexpr std::string_view spelling(Origin o) {
  constexpr std::string_view names[] = {"user", "kernel-copy", "unknown", "event"};
  return names[static_cast<int>(o)];
}
constexpr std::string_view spelling(StackBy b) {
  constexpr std::string_view names[] = {"unwind", "registers", "return-address"};
  return names[static_cast<int>(b)];
}

constexpr std::string_view spelling(DeadlockKind k) {
  constexpr std::string_view names[] = {"cycle", "self", "holder-exited", "stall"};
  return names[static_cast<int>(k)];
}

constexpr std::string_view spelling(Claim c) {
  constexpr std::string_view names[] = {"held", "not-held", "token", "fault"};
  return names[static_cast<int>(c)];
}

// The value of E spelled `word`, or nothing. E's first value is 0 and `last` its last.
template <class E>
constexpr std::optional<E> spelled(std::string_view word, E last) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (spelling(static_cast<E>(i)) == word) return static_cast<E>(i);
  return std::nullopt;
}

constexpr bool is_shared(Mode m) {
  return m != Mode::Exclusive;
}

// Whether a hold in `held` can block a wait in `wait` on the same lock. `writer_waits`: a third thread, able
// to run at that time, waits for the lock exclusively; then a fair reader queues behind it although the hold
// is shared. (The rule of lockdep's recursive-read patches of 2020: -(S)-> edges need a non-recursive reader
// or a writer at one end.)
constexpr bool blocks(Mode held, Mode wait, bool writer_waits) {
  if (held == Mode::Exclusive || wait == Mode::Exclusive) return true;
  return wait == Mode::SharedFair && writer_waits;
}

}  // namespace faultline
