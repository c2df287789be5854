#include "findings.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "fingerprints.h"

namespace faultline {
namespace {

constexpr std::size_t kMaxAlternatives = 4;  // for each order

// What makes another witness of an order worth showing, whatever its stacks: it came about otherwise.
auto manner(const Model& model, DependencyId id) {
  const Dependency& wait = model.dependencies[id];
  return std::tuple(wait.cause, wait.fault.origin, wait.observed);
}

// Begins the cycle at `start`.
Cycle rotated(const Cycle& cycle, std::size_t start) {
  Cycle result = cycle;
  const std::size_t size = cycle.witnesses.size();
  const auto moved = [&](std::size_t place) { return (place + size - start) % size; };
  const auto by = static_cast<std::ptrdiff_t>(start);
  std::rotate(result.vertices.begin(), result.vertices.begin() + by, result.vertices.end());
  std::rotate(result.witnesses.begin(), result.witnesses.begin() + by, result.witnesses.end());
  result.verdict.first = moved(cycle.verdict.first);
  result.verdict.second = moved(cycle.verdict.second);
  for (auto& writer : result.verdict.writers) writer.wait = moved(writer.wait);
  return result;
}

}  // namespace

std::vector<std::string_view> Findings::keys(const Cycle& cycle) const {
  std::vector<std::string_view> keys;
  for (const Witness& witness : cycle.witnesses) keys.push_back(class_of(witness).key);
  return keys;
}

FindingEdge Findings::edge_of(const Witness& witness, bool alternative) const {
  return {.from = model_.held[witness.held].lock,
          .to = model_.dependencies[witness.dependency].to,
          .dependency = witness.dependency,
          .held = witness.held,
          .alternative = alternative,
          .between = between(witness)};
}

std::vector<LockBetween> Findings::between(const Witness& witness) const {
  std::vector<LockBetween> locks;
  for (HeldId held = model_.dependencies[witness.dependency].under;
       held && held != witness.held && locks.size() < FindingEdge::kMostBetween;
       held = model_.held[held].under) {
    const HeldNode& node = model_.held[held];
    locks.push_back({classes_.of(node.lock, node.subclass).name, model_.locks[node.lock].kind, node.mode});
  }
  std::ranges::reverse(locks);
  return locks;
}

std::string Findings::title(const std::vector<FindingLock>& locks) const {
  std::string text;
  for (const FindingLock& lock : locks) text += lock.class_name + " -> ";
  return text + locks.front().class_name;
}

void Findings::add(const Cycle& found, const Component& component) {
  const Cycle cycle = rotated(found, canonical_start(keys(found)));
  const bool same_lock = cycle.witnesses.size() == 1 && cycle.verdict.verdict != Verdict::ClassOnly;

  Draft draft;
  Finding& finding = draft.finding;
  finding.kind = same_lock ? Kind::SelfLock : Kind::LockOrder;
  finding.verdict = cycle.verdict.verdict;
  finding.severity = cycle.verdict.severity;
  finding.fingerprint = fingerprint_of(finding.kind, keys(cycle));
  for (const Witness& witness : cycle.witnesses) {
    const LockClass& lock_class = class_of(witness);
    finding.locks.push_back({model_.held[witness.held].lock, lock_class.name});
    finding.stability = std::min(finding.stability, lock_class.stability);
    draft.places.push_back({edge_of(witness, false)});
  }
  const std::string cycle_title = title(finding.locks);
  // In a graph of classes what one waits for and what the next holds may be two locks.
  for (const auto& place : draft.places) name_ends(finding, place.front());
  const auto known = drafts_.find(finding.fingerprint);
  if (known == drafts_.end() || known->second.finding.severity < finding.severity) {
    finding.title = cycle_title;
    finding.why = explainer_.why(cycle);
    finding.notes = explainer_.notes(cycle);
    for (std::size_t place = 0; place < cycle.witnesses.size(); ++place)
      std::ranges::move(alternatives(cycle, place, component), std::back_inserter(draft.places[place]));
  }
  keep(std::move(draft));
}

Findings::Draft Findings::draft_misuse(const Witness& witness, std::span<const std::string_view> key) const {
  const LockId lock = model_.dependencies[witness.dependency].to;
  Draft draft;
  draft.finding.kind = Kind::Misuse;
  draft.finding.fingerprint = fingerprint_of(Kind::Misuse, key);
  draft.finding.stability = classes_.of(lock).stability;
  draft.finding.locks = {lock_of(lock)};
  draft.places = {{edge_of(witness, false)}};
  return draft;
}

void Findings::add_misuse(const Witness& witness) {
  const Dependency& wait = model_.dependencies[witness.dependency];
  const LockClass& lock_class = classes_.of(wait.to);
  const std::string_view key = lock_class.key;
  Draft draft = draft_misuse(witness, {&key, 1});
  draft.finding.severity = Severity::Warning;
  draft.finding.title = title(draft.finding.locks);
  draft.finding.why = explainer_.thread(wait.thread) + " takes " + lock_class.name +
                      ", which it holds already: the call fails with EDEADLK";
  keep(std::move(draft));
}

void Findings::add_orphan(const Witness& witness) {
  const Dependency& wait = model_.dependencies[witness.dependency];
  const LockClass& lock_class = classes_.of(wait.to);
  const std::string_view key[] = {"held at fork", lock_class.key};
  Draft draft = draft_misuse(witness, key);
  draft.finding.severity = wait.timed ? Severity::Warning : Severity::Error;
  draft.finding.title = lock_class.name + ", locked by another thread at fork, taken in the child";
  draft.finding.why =
      "another thread of the parent held " + lock_class.name +
      " at the fork, and the child has no thread that could release it: " + explainer_.thread(wait.thread) +
      (wait.timed ? " waits until its time is up" : " waits for ever");
  keep(std::move(draft));
}

void Findings::add_deadlock(const Happened& happened) {
  const std::vector<std::string_view> keys(happened.keys.begin(), happened.keys.end());
  const std::size_t start = happened.is_cycle_of_locks() ? canonical_start(keys) : 0;
  const auto in_order = [start](auto row) {
    if (!row.empty()) std::rotate(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(start), row.end());
    return row;
  };
  Draft draft;
  Finding& finding = draft.finding;
  finding.kind = Kind::Deadlock;
  finding.verdict = happened.verdict;
  finding.severity = Severity::Error;
  finding.fingerprint = fingerprint_of(happened.like, in_order(keys));
  finding.stability = happened.stability;
  for (const LockId lock : in_order(happened.locks)) {
    finding.locks.push_back(lock_of(lock));
    finding.stability = std::min(finding.stability, classes_.of(lock).stability);
  }
  finding.title = happened.is_cycle_of_locks() ? title(finding.locks) : happened.title;
  finding.why = happened.why;
  finding.waits = happened.waits;
  draft.places.resize(keys.size());
  if (happened.witnesses.size() == keys.size())
    for (std::size_t place = 0; const Witness& witness : in_order(happened.witnesses))
      draft.places[place++] = {edge_of(witness, false)};
  keep(std::move(draft));
}

void Findings::keep(Draft draft) {
  std::vector<LockId> locks;
  for (const FindingLock& lock : draft.finding.locks) locks.push_back(lock.lock);
  std::ranges::sort(locks);
  lock_sets_[draft.finding.fingerprint].insert(std::move(locks));
  const auto [entry, is_new] = drafts_.try_emplace(draft.finding.fingerprint, draft);
  if (is_new) return;
  Draft& shown = entry->second;
  if (shown.finding.severity < draft.finding.severity)
    shown = std::move(draft);
  else if (shown.finding.severity == draft.finding.severity)
    merge(shown, draft);
}

std::vector<FindingEdge> Findings::alternatives(const Cycle& cycle, std::size_t place,
                                                const Component& component) const {
  const auto ends = [](const GraphEdge& edge) { return std::tuple(edge.from, edge.to); };
  const auto edge = std::ranges::lower_bound(
      component.edges, std::tuple(cycle.vertices[place], cycle.vertices[(place + 1) % cycle.vertices.size()]),
      {}, ends);
  const Witness& primary = cycle.witnesses[place];
  const auto stacks = [&](const Witness& witness) {
    return std::tuple(model_.held[witness.held].stack, model_.dependencies[witness.dependency].stack);
  };
  std::set manners{manner(model_, primary.dependency)};
  std::set stacks_shown{stacks(primary)};
  // What was seen to happen need not be told as possible too.
  std::set<Cause> happened;
  for (const Witness& witness : component.witnesses_of(*edge)) {
    const Dependency& wait = model_.dependencies[witness.dependency];
    if (wait.observed) happened.insert(wait.cause);
  }
  const auto says_more = [&](const Witness& witness) {
    const Dependency& wait = model_.dependencies[witness.dependency];
    return wait.observed || !happened.contains(wait.cause);
  };
  std::vector<FindingEdge> chosen;
  const auto choose = [&](const auto& is_worth_it) {
    for (const Witness& witness : component.witnesses_of(*edge)) {
      if (chosen.size() == kMaxAlternatives) return;
      // In a graph of classes other instances have the same ends; they are not witnesses of this order.
      const FindingEdge candidate = edge_of(witness, true);
      const FindingEdge shown = edge_of(primary, false);
      if (candidate.from == shown.from && candidate.to == shown.to && says_more(witness) &&
          is_worth_it(witness))
        chosen.push_back(candidate);
    }
  };
  choose([&](const Witness& w) {
    return manners.insert(manner(model_, w.dependency)).second && (stacks_shown.insert(stacks(w)), true);
  });
  choose([&](const Witness& w) { return stacks_shown.insert(stacks(w)).second; });
  return chosen;
}

void Findings::name_ends(Finding& finding, const FindingEdge& edge) const {
  for (const LockId lock : {edge.from, edge.to})
    if (std::ranges::find(finding.locks, lock, &FindingLock::lock) == finding.locks.end())
      finding.locks.push_back(lock_of(lock));
}

void Findings::merge(Draft& shown, const Draft& other) const {
  for (std::size_t place = 0; place < shown.places.size(); ++place) {
    auto& edges = shown.places[place];
    if (other.places[place].empty()) continue;
    FindingEdge candidate = other.places[place].front();
    const auto same_manner = [&](const FindingEdge& edge) {
      return manner(model_, edge.dependency) == manner(model_, candidate.dependency);
    };
    if (edges.size() > kMaxAlternatives || std::ranges::any_of(edges, same_manner)) continue;
    candidate.alternative = true;
    edges.push_back(candidate);
    name_ends(shown.finding, candidate);
  }
}

std::vector<Finding> Findings::take() {
  std::vector<Finding> findings = std::move(finished_);
  for (auto& [fingerprint, draft] : drafts_) {
    for (const auto& place : draft.places) std::ranges::copy(place, std::back_inserter(draft.finding.edges));
    draft.finding.instances = static_cast<std::uint32_t>(lock_sets_.at(fingerprint).size());
    findings.push_back(std::move(draft.finding));
  }
  drafts_.clear();
  lock_sets_.clear();
  const auto worst_first = [](const Finding& a, const Finding& b) {
    return std::tie(b.severity, b.stability, a.title, a.fingerprint) <
           std::tie(a.severity, a.stability, b.title, b.fingerprint);
  };
  std::ranges::sort(findings, worst_first);
  return findings;
}

}  // namespace faultline
