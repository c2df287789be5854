#include "verdicts.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace faultline {

Verdicts::Verdicts(const Model& model) : model_(model), happens_before_(model), held_sets_(model) {
  for (const Dependency& dependency : model.dependencies)
    if (model.locks[dependency.to].kind == LockKind::Service)
      faulted_holding_[{dependency.thread, dependency.to}].push_back(dependency.under);
  for (auto& [key, nodes] : faulted_holding_) {
    std::ranges::sort(nodes);
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  }
  index_writers();
}

void Verdicts::index_writers() {
  for (const Dependency& dependency : model_.dependencies)
    if (dependency.mode == Mode::SharedFair) writers_[dependency.to];
  if (writers_.empty()) return;

  // Whoever holds a lock exclusively, and not by a trylock, has waited for it with what it held before: the
  // waits of threads that held nothing else are known only that way. Grouped by thread and time, a node seen
  // before has had all below it looked at.
  std::vector<DependencyId> by_stretch(model_.dependencies.ids().begin(), model_.dependencies.ids().end());
  const auto stretch = [&](DependencyId id) { return stretch_of(model_.dependencies[id]); };
  std::ranges::stable_sort(by_stretch, {}, stretch);
  std::vector<std::uint32_t> seen_in(model_.held.size() + 1);
  std::uint32_t group = 0;
  Stretch current;
  for (const DependencyId id : by_stretch) {
    const Dependency& wait = model_.dependencies[id];
    if (const Stretch when = stretch(id); group == 0 || when != current) {
      ++group;
      current = when;
    }
    const auto add = [&](LockId lock, HeldId under) {
      if (const auto found = writers_.find(lock); found != writers_.end())
        found->second.push_back({current, under});
    };
    if (wait.mode == Mode::Exclusive && !wait.timed) add(wait.to, wait.under);
    for (HeldId held = wait.under; held && seen_in[held.value] != group; held = model_.held[held].under) {
      seen_in[held.value] = group;
      const HeldNode& node = model_.held[held];
      if (node.mode == Mode::Exclusive && !node.trylock) add(node.lock, node.under);
    }
  }
  const auto set = [&](const WriterWait& writer) {
    return std::tuple(writer.when, held_sets_.set_of(writer.under));
  };
  for (auto& [lock, writers] : writers_) {
    std::ranges::stable_sort(writers, {}, set);
    const auto same = [&](const WriterWait& a, const WriterWait& b) { return set(a) == set(b); };
    writers.erase(std::unique(writers.begin(), writers.end(), same), writers.end());
  }
}

ThreadId Verdicts::holder(const Witness& witness) const {
  const Dependency& wait = dependency(witness);
  if (!wait.via_service || !wait.via_thread) return wait.thread;
  // The waiting thread holds what it held when it faulted; what stands on top is the server's.
  const auto faulted = faulted_holding_.find({wait.thread, wait.via_service});
  if (faulted == faulted_holding_.end()) return wait.thread;
  const auto held_at_fault = [&](HeldId held) { return std::ranges::binary_search(faulted->second, held); };
  bool on_top = false;
  for (HeldId held = wait.under; held; held = model_.held[held].under) {
    if (held_at_fault(held)) return on_top ? wait.via_thread : wait.thread;
    on_top = on_top || held == witness.held;
  }
  return on_top && held_at_fault(HeldId{}) ? wait.via_thread : wait.thread;
}

WitnessSignature Verdicts::signature(const Witness& witness) {
  const Dependency& wait = dependency(witness);
  return {.kind = {.held_set = held_sets_.set_of(wait.under),
                   .held_mode = held_mode(witness),
                   .mode = wait.mode,
                   .timed = wait.timed,
                   .open = wait.open,
                   .cause = wait.cause,
                   .announced = may_be_announced(witness)},
          .holder = holder(witness),
          .when = stretch_of(wait)};
}

bool Verdicts::own_process_holds(const Dependency& waiting, const Dependency& holding) const {
  return model_.locks[waiting.to].of_process &&
         model_.threads[waiting.thread].process == model_.threads[holding.thread].process;
}

bool Verdicts::is_service(const Witness& waiting) const {
  return model_.locks[dependency(waiting).to].kind == LockKind::Service;
}

bool Verdicts::same_thread(const Witness& a, const Witness& b) const {
  if (dependency(a).open == Open::Threads || dependency(b).open == Open::Threads) return false;
  return holder(a) == holder(b);
}

Severity Verdicts::ceiling(const Witness& witness) {
  if (model_.locks[held_lock(witness)].kind == LockKind::MmapLock) return Severity::Note;
  return dependency(witness).timed || is_summary(witness) || may_be_announced(witness) ? Severity::Warning
                                                                                       : Severity::Error;
}

Severity Verdicts::pair_ceiling(const Witness& a, const Witness& b) {
  ++steps_;
  if (held_sets_.gate(dependency(a).under, dependency(b).under)) return Severity::Note;
  if (!happens_before_.could_overlap({{stretch_of(dependency(a)), stretch_of(dependency(b))}}))
    return Severity::Note;
  return same_thread(a, b) ? Severity::Warning : Severity::Error;
}

Severity Verdicts::next_ceiling(const Witness& waiting, const Witness& holding) {
  if (is_service(waiting)) return Severity::Error;
  const Dependency& wait = dependency(waiting);
  if (own_process_holds(wait, dependency(holding))) return Severity::Note;
  const auto writers = writers_.find(wait.to);
  const bool may_have_writer = writers != writers_.end() && !writers->second.empty();
  return blocks(held_mode(holding), wait.mode, may_have_writer) ? Severity::Error : Severity::Note;
}

CycleVerdict Verdicts::judge(std::span<const Witness> cycle) {
  CycleVerdict verdict;
  if (find_gate(cycle, verdict) || find_order(cycle, verdict) || find_unblocked(cycle, verdict)) {
    verdict.severity = Severity::Note;
    return verdict;
  }
  const auto is_model = [&](const Witness& w) {
    return model_.locks[held_lock(w)].kind == LockKind::MmapLock;
  };
  const auto is_timed = [&](const Witness& w) { return dependency(w).timed; };
  const auto size = static_cast<std::ptrdiff_t>(cycle.size());
  if (std::ranges::any_of(cycle, is_model)) {
    verdict.verdict = Verdict::Model;
    verdict.severity = Severity::Note;
  } else if (const auto timed = std::ranges::count_if(cycle, is_timed); timed > 0) {
    verdict.verdict = Verdict::Timed;
    // A thread that meets itself runs into its own time limit every time: no chance to be lucky, as two
    // threads have.
    verdict.severity = timed == size && size > 1 ? Severity::Note : Severity::Warning;
    verdict.first = static_cast<std::size_t>(std::ranges::find_if(cycle, is_timed) - cycle.begin());
  } else if (std::ranges::any_of(cycle, [&](const Witness& w) { return is_summary(w); })) {
    verdict.verdict = Verdict::Summarised;
    verdict.severity = Severity::Warning;
  } else if (size == 1) {
    verdict.verdict = Verdict::Self;
  } else if (find_same_thread(cycle, verdict) ||
             std::ranges::any_of(cycle, [&](const Witness& w) { return may_be_announced(w); })) {
    verdict.severity = Severity::Warning;
  }
  return verdict;
}

bool Verdicts::find_gate(std::span<const Witness> cycle, CycleVerdict& verdict) {
  for (std::size_t i = 0; i < cycle.size(); ++i)
    for (std::size_t j = i + 1; j < cycle.size(); ++j)
      if (const LockId gate = held_sets_.gate(dependency(cycle[i]).under, dependency(cycle[j]).under)) {
        verdict.verdict = Verdict::Gated;
        verdict.first = i;
        verdict.second = j;
        verdict.gate = gate;
        return true;
      }
  return false;
}

bool Verdicts::find_order(std::span<const Witness> cycle, CycleVerdict& verdict) {
  std::vector<Stretch> stretches;
  for (const Witness& witness : cycle) stretches.push_back(stretch_of(dependency(witness)));
  if (happens_before_.could_overlap(stretches)) return false;
  verdict.verdict = Verdict::Ordered;
  for (std::size_t i = 0; i < cycle.size(); ++i)
    for (std::size_t j = 0; j < cycle.size(); ++j)
      if (const auto order = happens_before_.order(stretches[i], stretches[j]);
          order != HappensBefore::Order::None) {
        verdict.first = i;
        verdict.second = j;
        verdict.order = order;
        return true;
      }
  return true;
}

bool Verdicts::find_unblocked(std::span<const Witness> cycle, CycleVerdict& verdict) {
  std::vector<WriterWait> chosen;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const std::size_t next = (i + 1) % cycle.size();
    const Dependency& wait = dependency(cycle[i]);
    const Mode held = held_mode(cycle[next]);
    const bool of_process = own_process_holds(wait, dependency(cycle[next]));
    if (is_service(cycle[i]) || (!of_process && blocks(held, wait.mode, false))) continue;
    if (!of_process && blocks(held, wait.mode, true)) {
      const auto& writers = writers_.at(wait.to);
      const auto writer =
          std::ranges::find_if(writers, [&](const WriterWait& w) { return fits(w, cycle, chosen); });
      if (writer != writers.end()) {
        chosen.push_back(*writer);
        verdict.writers.push_back({i, writer->when.thread});
        continue;
      }
    }
    verdict.verdict = Verdict::Compatible;
    verdict.first = i;
    verdict.second = next;
    return true;
  }
  return false;
}

bool Verdicts::fits(const WriterWait& writer, std::span<const Witness> cycle,
                    std::span<const WriterWait> others) {
  std::vector<Stretch> stretches{writer.when};
  for (const Witness& witness : cycle) {
    ++steps_;
    if (writer.when.thread && writer.when.thread == holder(witness)) return false;
    if (held_sets_.gate(writer.under, dependency(witness).under)) return false;
    stretches.push_back(stretch_of(dependency(witness)));
  }
  for (const WriterWait& other : others) {
    if (writer.when.thread && writer.when.thread == other.when.thread) return false;
    if (held_sets_.gate(writer.under, other.under)) return false;
    stretches.push_back(other.when);
  }
  return happens_before_.could_overlap(stretches);
}

bool Verdicts::find_same_thread(std::span<const Witness> cycle, CycleVerdict& verdict) const {
  for (std::size_t i = 0; i < cycle.size(); ++i)
    for (std::size_t j = i + 1; j < cycle.size(); ++j)
      if (same_thread(cycle[i], cycle[j])) {
        verdict.verdict = Verdict::SameThread;
        verdict.thread = holder(cycle[i]);
        verdict.first = i;
        verdict.second = j;
        return true;
      }
  return false;
}

}  // namespace faultline
