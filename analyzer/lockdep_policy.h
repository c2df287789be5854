// `--policy=lockdep`: the kernel's own judgement, for which every inversion of classes that was executed is
// an error.
//
// Gates, threads and their order in time do not excuse a cycle here; only readers do, by the same rule as
// elsewhere, a writer always being assumed. Cycles are rows of classes: what one waits for and what the next
// holds may be two instances.
#pragma once

#include "cycle_rules.h"
#include "verdicts.h"

namespace faultline {

class LockdepRules : public CycleRules {
 public:
  // Keeps references. `verdicts` gives the name of the verdict where the instances do form a cycle.
  LockdepRules(const Model& model, Verdicts& verdicts) : model_(model), verdicts_(verdicts) {}

  CycleVerdict judge(std::span<const Witness> cycle) override;
  Severity ceiling(const Witness& witness) override;
  Severity pair_ceiling(const Witness& a, const Witness& b) override;
  Severity next_ceiling(const Witness& waiting, const Witness& holding) override;
  WitnessSignature signature(const Witness& witness) override { return verdicts_.signature(witness); }
  std::uint64_t steps() const override { return steps_ + verdicts_.steps(); }

 private:
  const Model& model_;
  Verdicts& verdicts_;
  std::uint64_t steps_ = 0;
};

// The severity that policy gives to a verdict of the feasible one.
Severity lockdep_severity(const CycleVerdict& verdict);

}  // namespace faultline
