#include "summaries.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace faultline {

std::vector<LockId> summaries_of(const Model& model) {
  const auto origin = [&](LockId id) {
    const Lock& lock = model.locks[id];
    return std::tuple(lock.process, lock.kind, lock.init, lock.first, lock.name);
  };
  std::map<decltype(origin(LockId{})), LockId> by_origin;
  for (const LockId id : model.locks.ids())
    if (model.locks[id].summary) by_origin.emplace(origin(id), id);
  std::vector<LockId> summaries(model.locks.size());
  if (by_origin.empty()) return summaries;
  for (const LockId id : model.locks.ids())
    if (const auto found = by_origin.find(origin(id)); found != by_origin.end())
      summaries[id.value - 1] = found->second;
  return summaries;
}

bool has_summary(const Model& model) {
  return std::ranges::any_of(model.locks, &Lock::summary);
}

Model with_summaries(const Model& model) {
  Model merged = model;
  const std::vector<LockId> summaries = summaries_of(model);
  const auto replace = [&](LockId& lock) {
    if (const LockId summary = summaries[lock.value - 1]) lock = summary;
  };
  for (const HeldId id : merged.held.ids()) replace(merged.held[id].lock);
  for (const DependencyId id : merged.dependencies.ids()) replace(merged.dependencies[id].to);
  return merged;
}

}  // namespace faultline
