// Deadlocks that happened in the running process, as its trace tells them: what becomes of them as findings.
//
// A cycle of locks is the same cycle that the orders of the trace make, seen closed: its fingerprint is that
// of the lock-order or self-lock finding. A fault that a server serves is passed through, as in those: the
// faulting thread waits for what its server waits for. What is no cycle (a holder that has ended, a process
// in which nobody can run again) goes by what is waited for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "classes.h"
#include "explain.h"
#include "finding.h"
#include "lock_graph.h"

namespace faultline {

struct Happened {
  std::optional<Verdict> verdict;  // none where it is no cycle
  Kind like = Kind::Deadlock;      // whose fingerprint it has
  std::vector<std::string> keys;   // the fingerprint's
  std::vector<LockId> locks;       // of a cycle, held in turn: one for each key; else those waited for
  std::vector<Witness>
      witnesses;  // of a cycle, in the order of `locks`; none where the trace lacks one of them
  std::vector<FindingWait> waits;
  std::string title;  // where it is no cycle of locks alone
  std::string why;
  Stability stability = Stability::High;

  bool is_cycle_of_locks() const { return like != Kind::Deadlock; }
};

// All of the model, in the order of their traces. Cost: one pass over the dependencies for each thread of
// one.
std::vector<Happened> deadlocks_that_happened(const Model& model, const LockClasses& classes,
                                              const FrameNames& names, const Explainer& explainer);

}  // namespace faultline
