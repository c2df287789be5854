#include "lockdep_policy.h"

namespace faultline {

CycleVerdict LockdepRules::judge(std::span<const Witness> cycle) {
  CycleVerdict verdict;
  bool same_instances = true;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const std::size_t next = (i + 1) % cycle.size();
    if (next_ceiling(cycle[i], cycle[next]) == Severity::Note) {
      verdict.verdict = Verdict::Compatible;
      verdict.severity = Severity::Note;
      verdict.first = i;
      verdict.second = next;
      return verdict;
    }
    same_instances =
        same_instances && model_.dependencies[cycle[i].dependency].to == model_.held[cycle[next].held].lock;
  }
  if (same_instances) verdict = verdicts_.judge(cycle);
  // The feasible policy looked for a writer in the trace; this one assumes it.
  if (verdict.verdict == Verdict::Compatible) verdict.verdict = Verdict::Feasible;
  if (!same_instances) verdict.verdict = Verdict::ClassOnly;
  verdict.severity = lockdep_severity(verdict);
  return verdict;
}

Severity LockdepRules::ceiling(const Witness& witness) {
  const LockId lock = model_.held[witness.held].lock;
  return model_.locks[lock].kind == LockKind::MmapLock ? Severity::Note : Severity::Error;
}

Severity LockdepRules::pair_ceiling(const Witness&, const Witness&) {
  ++steps_;
  return Severity::Error;
}

Severity LockdepRules::next_ceiling(const Witness& waiting, const Witness& holding) {
  const Dependency& wait = model_.dependencies[waiting.dependency];
  if (model_.locks[wait.to].kind == LockKind::Service) return Severity::Error;
  if (model_.locks[wait.to].of_process) return Severity::Note;
  return blocks(model_.held[holding.held].mode, wait.mode, true) ? Severity::Error : Severity::Note;
}

Severity lockdep_severity(const CycleVerdict& verdict) {
  return verdict.verdict == Verdict::Compatible || verdict.verdict == Verdict::Model ? Severity::Note
                                                                                     : Severity::Error;
}

}  // namespace faultline
