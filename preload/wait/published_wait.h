// What a thread waits for, where other threads can read it.
//
// Written by its own thread only: around a call that is about to block, never by an acquisition that finds
// its lock free. Read by any thread, without a lock: `read` gives what stood there at one moment, and a
// sequence number that tells whether it still does. A thread that was seen with the same odd number twice has
// waited all the time in between, for that one thing.
#pragma once

#include <atomic>
#include <cstdint>

#include "ids.h"
#include "lock_vocabulary.h"

namespace faultline {

// One wait. Kinds without an object of that kind: LockKind::Thread is the end of the thread whose pthread_t
// `object` is; a condition has no LockKind of its own, so `mutex`, never null then, tells.
struct Awaited {
  const volatile void* object;
  const volatile void* mutex;  // of a condition wait: what it gives up and takes again; else null
  LockKind kind;               // of no meaning for a condition
  Mode mode;
  bool timed;     // the wait ends by itself: it is never part of a deadlock
  StackId stack;  // where the wait began; none where the thread's newest held entry tells

  bool is_condition() const { return mutex != nullptr; }
};

// A cache line of its own: its thread writes it only when it waits, so whoever looks whether a lock's holder
// waits mostly reads a shared line.
class alignas(64) PublishedWait {
 public:
  static constexpr bool is_waiting(std::uint32_t sequence) { return (sequence & 1) != 0; }

  // Odd while its thread waits.
  std::uint32_t sequence() const { return sequence_.load(std::memory_order_acquire); }

  // False: it does not wait, or what it waits for changed meanwhile.
  bool read(Awaited& found, std::uint32_t& sequence) const {
    sequence = sequence_.load(std::memory_order_acquire);
    if (!is_waiting(sequence)) return false;
    found = fields();
    std::atomic_thread_fence(std::memory_order_acquire);
    return sequence_.load(std::memory_order_relaxed) == sequence;
  }

  // Own thread. A signal handler may wait while the thread it interrupted does: the outer wait is put back by
  // its end. More than that many waits inside each other are not published.
  void begin(const Awaited& what) {
    if (depth_ > 0 && depth_ <= kMostInterrupted) interrupted_[depth_ - 1] = fields();
    ++depth_;
    if (is_waiting(sequence_.load(std::memory_order_relaxed))) step();
    if (depth_ <= kMostInterrupted + 1) publish(what);
  }
  void end() {
    if (depth_ == 0) return;
    if (is_waiting(sequence_.load(std::memory_order_relaxed))) step();
    --depth_;
    if (depth_ > 0 && depth_ <= kMostInterrupted) publish(interrupted_[depth_ - 1]);
  }

  // Of a thread that ended, or of another process: nothing is waited for.
  void reset() {
    depth_ = 0;
    if (is_waiting(sequence_.load(std::memory_order_relaxed))) step();
  }

 private:
  static constexpr std::uint32_t kMostInterrupted = 2;

  Awaited fields() const {
    const std::uint64_t how = how_.load(std::memory_order_relaxed);
    return {.object = object_.load(std::memory_order_relaxed),
            .mutex = mutex_.load(std::memory_order_relaxed),
            .kind = static_cast<LockKind>(how & 0xff),
            .mode = static_cast<Mode>(how >> 8 & 0xff),
            .timed = (how >> 16 & 1) != 0,
            .stack = StackId{static_cast<std::uint32_t>(how >> 32)}};
  }
  void publish(const Awaited& what) {
    std::atomic_thread_fence(std::memory_order_release);  // after the number that says "nothing"
    object_.store(what.object, std::memory_order_relaxed);
    mutex_.store(what.mutex, std::memory_order_relaxed);
    how_.store(static_cast<std::uint64_t>(what.kind) | static_cast<std::uint64_t>(what.mode) << 8 |
                   static_cast<std::uint64_t>(what.timed) << 16 |
                   static_cast<std::uint64_t>(what.stack.value) << 32,
               std::memory_order_relaxed);
    step();
  }
  void step() { sequence_.store(sequence_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  std::atomic<std::uint32_t> sequence_;
  std::uint32_t depth_;
  std::atomic<const volatile void*> object_;
  std::atomic<const volatile void*> mutex_;
  std::atomic<std::uint64_t> how_;
  Awaited interrupted_[kMostInterrupted];
};

struct ThreadState;

// A thread that waits, as another one saw it.
struct Waiter {
  ThreadState* thread;
  std::uint32_t sequence;  // of the published wait; even where it was not published
  std::uint32_t cursor;    // of a walk: how far it has come among those the thread waits for
  Awaited wait;
  LockId lock;  // waited for; none for what is no lock
  Cause cause;
};

}  // namespace faultline
