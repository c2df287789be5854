#include "witness_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace faultline {
namespace {

// Of several sightings, which to show: what happened before what could have; a fault before what its server
// did on its behalf; the exact stack before the approximate one; else the one recorded first.
auto preference(const Model& model, const Witness& witness) {
  const Dependency& wait = model.dependencies[witness.dependency];
  return std::tuple(!wait.observed, wait.cause != Cause::Fault, wait.cause == Cause::Service, wait.cause,
                    wait.fault.origin, !wait.fault.stack_is_registers, witness.dependency, witness.held);
}

// 0 to size - 1: the first, the last, then the middles of what lies between.
std::vector<std::size_t> from_both_ends(std::size_t size) {
  std::vector<std::size_t> order{0};
  if (size > 1) order.push_back(size - 1);
  std::vector<std::pair<std::size_t, std::size_t>> gaps{{0, size - 1}};
  for (std::size_t i = 0; order.size() < size; ++i) {
    const auto [first, last] = gaps[i];
    if (last - first < 2) continue;
    const std::size_t middle = first + (last - first) / 2;
    order.push_back(middle);
    gaps.emplace_back(first, middle);
    gaps.emplace_back(middle, last);
  }
  return order;
}

struct KindOfWitness {
  std::size_t locks_held = 0;
  std::vector<Witness> witnesses;
};

std::size_t locks_held(const Model& model, const Witness& witness) {
  std::size_t count = 0;
  for (HeldId held = model.dependencies[witness.dependency].under; held; held = model.held[held].under)
    ++count;
  return count;
}

}  // namespace

std::vector<Witness> in_order_of_trial(const Model& model, CycleRules& rules,
                                       std::span<const Witness> sightings, std::size_t bound) {
  std::vector<Witness> sorted(sightings.begin(), sightings.end());
  std::ranges::sort(sorted, {}, [&](const Witness& w) { return preference(model, w); });

  std::vector<KindOfWitness> kinds;
  std::map<WitnessKind, std::size_t> place_of_kind;
  std::set<WitnessSignature> seen;
  for (const Witness& witness : sorted) {
    const WitnessSignature signature = rules.signature(witness);
    if (!seen.insert(signature).second) continue;
    const auto [entry, is_new] = place_of_kind.try_emplace(signature.kind, kinds.size());
    if (is_new) kinds.push_back({locks_held(model, witness), {}});
    kinds[entry->second].witnesses.push_back(witness);
  }
  std::ranges::stable_sort(kinds, {}, &KindOfWitness::locks_held);

  struct Turn {
    std::size_t round;
    Witness witness;
  };
  std::vector<Turn> turns;
  turns.reserve(seen.size());
  for (const KindOfWitness& kind : kinds) {
    std::size_t round = 0;
    for (const std::size_t place : from_both_ends(kind.witnesses.size()))
      turns.push_back({round++, kind.witnesses[place]});
  }
  std::ranges::stable_sort(turns, {}, &Turn::round);
  const auto end = turns.begin() + static_cast<std::ptrdiff_t>(std::min(bound, turns.size()));
  std::sort(turns.begin(), end, [&](const Turn& a, const Turn& b) {
    return std::tuple(a.round, preference(model, a.witness)) <
           std::tuple(b.round, preference(model, b.witness));
  });

  sorted.clear();
  for (const Turn& turn : turns) sorted.push_back(turn.witness);
  return sorted;
}

}  // namespace faultline
