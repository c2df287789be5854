// From cycles to findings: named by class, one for each fingerprint, with the evidence a reader needs.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "classes.h"
#include "cycles.h"
#include "deadlocks.h"
#include "explain.h"
#include "finding.h"

namespace faultline {

class Findings {
 public:
  // Keeps references to both.
  Findings(const Model& model, const LockClasses& classes)
      : model_(model), classes_(classes), explainer_(model, classes) {}

  // Adds a cycle found in `component`. Of cycles with one fingerprint the most severe is shown, the first of
  // those; the others count as further instances, where their locks are others, and give what alternative
  // witnesses they have.
  void add(const Cycle& found, const Component& component);

  // Adds a lock call that returns an error instead of waiting: the thread has `witness.held` already.
  void add_misuse(const Witness& witness);

  // Adds a wait, in a forked child, for what another thread of the parent held at the fork (`witness.held`).
  void add_orphan(const Witness& witness);

  // Adds a deadlock that happened, in an order of its own or that of its cycle. It has the fingerprint its
  // cycle would have had, and is shown instead of it: cycles added later count as further witnesses.
  void add_deadlock(const Happened& happened);

  // Adds one that is complete, and the only one with its fingerprint.
  void add(Finding finished) { finished_.push_back(std::move(finished)); }

  // All of them, worst first.
  std::vector<Finding> take();

 private:
  // A finding with its evidence still sorted by place: in each place the primary witness, then others.
  struct Draft {
    Finding finding;
    std::vector<std::vector<FindingEdge>> places;
  };

  Draft draft_misuse(const Witness& witness, std::span<const std::string_view> key) const;
  void keep(Draft draft);
  std::vector<std::string_view> keys(const Cycle& cycle) const;
  std::vector<FindingEdge> alternatives(const Cycle& cycle, std::size_t place,
                                        const Component& component) const;
  void merge(Draft& shown, const Draft& other) const;
  FindingEdge edge_of(const Witness& witness, bool alternative) const;
  std::vector<LockBetween> between(const Witness& witness) const;
  // Of the lock that a witness holds, as it holds it.
  const LockClass& class_of(const Witness& witness) const {
    const HeldNode& held = model_.held[witness.held];
    return classes_.of(held.lock, held.subclass);
  }
  void name_ends(Finding& finding, const FindingEdge& edge) const;
  FindingLock lock_of(LockId lock) const { return {lock, classes_.of(lock).name}; }
  std::string title(const std::vector<FindingLock>& locks) const;

  const Model& model_;
  const LockClasses& classes_;
  Explainer explainer_;
  std::map<std::string, Draft> drafts_;
  std::vector<Finding> finished_;
  // The distinct sets of lock instances behind each fingerprint: two cycles through one set are one finding
  // seen once.
  std::map<std::string, std::set<std::vector<LockId>>> lock_sets_;  // by fingerprint
};

}  // namespace faultline
