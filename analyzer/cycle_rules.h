// What a search for cycles asks about them; the policies answer differently.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "finding.h"
#include "happens_before.h"
#include "lock_graph.h"

namespace faultline {

// The verdict on a cycle and the evidence it rests on. A cycle is a row of witnesses: the lock each waits for
// is the one the next holds, and the last waits for what the first holds.
struct CycleVerdict {
  Verdict verdict = Verdict::Feasible;
  Severity severity = Severity::Error;

  // The places in the row that the verdict speaks of. Gated, same-thread: the two witnesses. Ordered: the
  // earlier and the later. Compatible: the wait and the hold. Timed: the first timed wait.
  std::size_t first = 0;
  std::size_t second = 0;

  LockId gate;                                              // gated
  ThreadId thread;                                          // same-thread
  HappensBefore::Order order = HappensBefore::Order::None;  // ordered; None: only all together are kept apart

  // A wait of a reader behind a reader, blocked only because this thread waits to write.
  struct Writer {
    std::size_t wait;  // place in the cycle
    ThreadId thread;   // none: any further thread
  };
  std::vector<Writer> writers;
};

// What a verdict depends on beside thread and time: how a lock is held and waited for, and under what.
struct WitnessKind {
  std::uint32_t held_set;
  Mode held_mode;
  Mode mode;
  bool timed;
  Open open;
  Cause cause;
  bool announced;  // a join that may be of a thread that has said it is done

  friend constexpr auto operator<=>(const WitnessKind&, const WitnessKind&) = default;
};

// All of a witness that a verdict depends on: two of one order with equal signatures differ only in where
// things were taken.
struct WitnessSignature {
  WitnessKind kind;
  ThreadId holder;
  Stretch when;

  friend constexpr auto operator<=>(const WitnessSignature&, const WitnessSignature&) = default;
};

class CycleRules {
 public:
  virtual ~CycleRules() = default;

  virtual CycleVerdict judge(std::span<const Witness> cycle) = 0;

  // The highest severity that any cycle can have which has this witness; these two, in any places; these two,
  // the first waiting for what the second holds. At least what `judge` says of such a cycle, so that a search
  // may cut by it.
  virtual Severity ceiling(const Witness& witness) = 0;
  virtual Severity pair_ceiling(const Witness& a, const Witness& b) = 0;
  virtual Severity next_ceiling(const Witness& waiting, const Witness& holding) = 0;

  virtual WitnessSignature signature(const Witness& witness) = 0;

  // Steps taken so far by all of these: what a search has cost.
  virtual std::uint64_t steps() const = 0;
};

}  // namespace faultline
