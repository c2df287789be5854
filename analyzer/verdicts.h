// The verdict on one cycle whose every order has one sighting as its witness (docs/design.md, section 4): the
// feasible policy.
//
// A cycle can deadlock where, at one moment, a different thread can stand at each witness and each wait is
// blocked by the next hold:
//
//   threads     The thread that holds a witness's lock is the waiting thread, or, where a server of page
//   faults waits on its behalf and the
//               lock is one of the server's own, that server.
//   gate        Two witnesses whose held paths have a lock in conflicting modes are never there at once. All
//   of a path counts, also what
//               a trylock took, and also a lock of the cycle itself: whoever holds it excludes everyone else
//               who does.
//   order       Creating and joining threads may keep witnesses apart in time (HappensBefore).
//   modes       `blocks` of lock_vocabulary.h; a lock whose owner is the process blocks none of its threads.
//   A fair reader behind a reader needs a writer that is none of the cycle's threads, can
//               be there at that moment, and waits for that lock.
//
// Not for use by several threads at once.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "cycle_rules.h"
#include "finding.h"
#include "happens_before.h"
#include "held_sets.h"
#include "lock_graph.h"

namespace faultline {

class Verdicts : public CycleRules {
 public:
  explicit Verdicts(const Model& model);

  // One witness of a lock waited for while it is held is a cycle of its own.
  CycleVerdict judge(std::span<const Witness> cycle) override;
  Severity ceiling(const Witness& witness) override;
  Severity pair_ceiling(const Witness& a, const Witness& b) override;
  Severity next_ceiling(const Witness& waiting, const Witness& holding) override;
  WitnessSignature signature(const Witness& witness) override;
  std::uint64_t steps() const override { return steps_ + held_sets_.steps() + happens_before_.steps(); }

  // Joins that were left out because they contradict each other.
  std::uint64_t impossible_joins() const { return happens_before_.impossible_joins(); }

  // The thread that holds the lock of a witness.
  ThreadId holder(const Witness& witness) const;

 private:
  // A wait of a thread for a lock in exclusive mode, with what it holds meanwhile.
  struct WriterWait {
    Stretch when;
    HeldId under;
  };
  void index_writers();
  const Dependency& dependency(const Witness& witness) const {
    return model_.dependencies[witness.dependency];
  }
  Mode held_mode(const Witness& witness) const { return model_.held[witness.held].mode; }
  LockId held_lock(const Witness& witness) const { return model_.held[witness.held].lock; }
  bool is_service(const Witness& waiting) const;
  // What is waited for belongs to the process, whose threads never wait for each other because of it.
  bool own_process_holds(const Dependency& waiting, const Dependency& holding) const;
  // A join by whoever took the lock again at the end of a condition wait: the joined thread may have
  // announced its end there, done with the lock.
  bool may_be_announced(const Witness& witness) const {
    return dependency(witness).cause == Cause::Join && model_.held[witness.held].relock;
  }
  bool is_summary(const Witness& holding) const { return model_.locks[held_lock(holding)].summary; }
  bool same_thread(const Witness& a, const Witness& b) const;
  bool fits(const WriterWait& writer, std::span<const Witness> cycle, std::span<const WriterWait> others);
  bool find_gate(std::span<const Witness> cycle, CycleVerdict& verdict);
  bool find_order(std::span<const Witness> cycle, CycleVerdict& verdict);
  bool find_unblocked(std::span<const Witness> cycle, CycleVerdict& verdict);
  bool find_same_thread(std::span<const Witness> cycle, CycleVerdict& verdict) const;

  const Model& model_;
  HappensBefore happens_before_;
  HeldSets held_sets_;
  std::map<LockId, std::vector<WriterWait>> writers_;  // of locks that have fair readers
  std::map<std::pair<ThreadId, LockId>, std::vector<HeldId>> faulted_holding_;  // by thread and service
  std::uint64_t steps_ = 0;
};

}  // namespace faultline
