#include "judge.h"

#include <algorithm>
#include <set>

#include "assertions.h"
#include "classes.h"
#include "cycles.h"
#include "deadlocks.h"
#include "findings.h"
#include "lock_graph.h"
#include "lockdep_policy.h"
#include "search_budget.h"
#include "services.h"
#include "summaries.h"
#include "unguarded.h"
#include "verdicts.h"

namespace faultline {
namespace {

class Judging {
 public:
  Judging(const Model& model, const FrameNames& names, const JudgeOptions& options)
      : model_(model),
        names_(names),
        options_(options),
        classes_(model, names),
        explainer_(model, classes_),
        verdicts_(model),
        findings_(model, classes_) {}

  Judgement run() {
    search(model_, vertex_per_lock(model_), verdicts_);
    if (has_summary(model_)) {
      const Model merged = with_summaries(model_);
      Verdicts verdicts(merged);
      search(merged, vertex_per_lock(merged), verdicts);
    }
    if (options_.policy == Policy::Lockdep) {
      LockdepRules rules(model_, verdicts_);
      search(model_, classes_.map(), rules);
    }
    find_misuse();
    for (Finding& finding : failed_assertions(model_, classes_, names_)) findings_.add(std::move(finding));
    for (Finding& finding : unguarded_state(model_, classes_, names_, judgement_.bounds))
      findings_.add(std::move(finding));
    judgement_.findings = findings_.take();
    if (options_.policy == Policy::Lockdep) say_what_the_policy_raised();
    std::ranges::copy(budget_.bounds_reached(), std::back_inserter(judgement_.bounds));
    if (const std::uint64_t joins = verdicts_.impossible_joins(); joins > 0)
      judgement_.bounds.push_back(std::to_string(joins) +
                                  " joins of threads contradict each other, so none of them was believed: "
                                  "the trace is damaged");
    summarise();
    return std::move(judgement_);
  }

 private:
  struct Found {
    Cycle cycle;
    const Component* component;
  };

  // `model`: the one given, or that with its summaries, where only cycles that rest on one are new.
  void search(const Model& model, const VertexMap& vertices, CycleRules& rules) {
    LockGraph graph = build_lock_graph(model, vertices);
    std::vector<Found> found;
    std::ranges::copy(graph.bounds, std::back_inserter(judgement_.bounds));
    // The small ones first: what a huge one costs shall not keep them from being searched.
    std::ranges::stable_sort(graph.components, {}, [](const Component& c) { return c.edges.size(); });
    for (const Component& component : graph.components) {
      CycleSearch search(model, component, rules, budget_);
      for (Cycle& cycle : fold_services(model_, component, search, search.all())) {
        if (never_waits(model, cycle) || (&model != &model_ && !rests_on_summary(model, cycle))) continue;
        if (options_.policy == Policy::Lockdep) cycle.verdict.severity = lockdep_severity(cycle.verdict);
        found.push_back({std::move(cycle), &component});
      }
    }
    // Only now is it known which locks meet; a search over classes must find them as they are.
    if (&vertices != &classes_.map()) {
      tell_classes_apart(found);
      if (&model == &model_)
        for (const Happened& each : deadlocks_that_happened(model_, classes_, names_, explainer_))
          findings_.add_deadlock(each);
    }
    for (const Found& each : found) findings_.add(each.cycle, *each.component);
  }

  static bool rests_on_summary(const Model& model, const Cycle& cycle) {
    return std::ranges::any_of(
        cycle.witnesses, [&](const Witness& w) { return model.locks[model.held[w.held].lock].summary; });
  }

  void tell_classes_apart(const std::vector<Found>& found) {
    std::set<std::vector<LockId>> cycles;
    for (const Found& each : found) {
      std::vector<LockId> locks;
      for (const Witness& witness : each.cycle.witnesses) locks.push_back(model_.held[witness.held].lock);
      std::ranges::sort(locks);
      locks.erase(std::unique(locks.begin(), locks.end()), locks.end());
      if (locks.size() > 1) cycles.insert(std::move(locks));
    }
    classes_.tell_apart(cycles);
  }

  // So that a finding does not read as if its excuse had been overlooked.
  void say_what_the_policy_raised() {
    for (Finding& finding : judgement_.findings)
      if (finding.severity == Severity::Error && finding.verdict && *finding.verdict != Verdict::Feasible &&
          *finding.verdict != Verdict::Self && *finding.verdict != Verdict::Observed)
        finding.notes.emplace_back(
            "an error because of --policy=lockdep, which takes every inversion for one");
  }

  // A reader that never queues behind a writer, on a lock its own thread reads already: not even a cycle to
  // explain.
  static bool never_waits(const Model& model, const Cycle& cycle) {
    const Witness& witness = cycle.witnesses.front();
    // One lock of a class under another of it.
    if (cycle.witnesses.size() == 1 && model.locks[model.held[witness.held].lock].summary) return true;
    return cycle.witnesses.size() == 1 && is_shared(model.held[witness.held].mode) &&
           model.dependencies[witness.dependency].mode == Mode::SharedRecursive;
  }

  void find_misuse() {
    for (const DependencyId id : model_.dependencies.ids()) {
      const Dependency& wait = model_.dependencies[id];
      if (wait.orphan) {
        findings_.add_orphan({id, wait.under});
        continue;
      }
      const Lock& lock = model_.locks[wait.to];
      if (is_wait(model_, wait) || lock.type == MutexType::Recursive) continue;
      for (HeldId held = wait.under; held; held = model_.held[held].under) {
        if (model_.held[held].lock != wait.to || model_.held[held].mode != Mode::Exclusive) continue;
        findings_.add_misuse({id, held});
        break;
      }
    }
  }

  void summarise() {
    Summary& summary = judgement_.summary;
    summary.processes = model_.processes.size();
    summary.classes = classes_.size();
    for (const Process& process : model_.processes) {
      summary.threads += process.stats.threads;
      summary.locks += process.stats.locks;
      summary.faults += process.stats.faults;
      summary.summarised += process.stats.summarised;
      for (const auto& [cause, count] : process.stats.lost)
        if (count > 0) summary.lost[cause] += count;
      for (const SourceRecord& source : process.sources) summarise(source);
    }
    const EdgeCount count = count_edges(model_);
    summary.edges = count.edges;
    if (!count.complete) judgement_.bounds.emplace_back("there are more edges than were counted");
  }

  void summarise(const SourceRecord& source) {
    const auto badness = [](std::string_view state) { return state == "on" ? 0 : state == "off" ? 1 : 2; };
    const auto known = judgement_.summary.sources.find(source.name);
    if (known != judgement_.summary.sources.end() && badness(source.state) <= badness(known->second)) return;
    judgement_.summary.sources[source.name] = source.state;
    judgement_.summary.source_why[source.name] = source.why;
  }

  const Model& model_;
  const FrameNames& names_;
  const JudgeOptions& options_;
  LockClasses classes_;
  Explainer explainer_;
  Verdicts verdicts_;
  Findings findings_;
  SearchBudget budget_;
  Judgement judgement_;
};

}  // namespace

Judgement judge(const Model& model, const FrameNames& names, const JudgeOptions& options) {
  return Judging(model, names, options).run();
}

}  // namespace faultline
