#include "state_sites.h"

#include <algorithm>
#include <set>

namespace faultline {

std::vector<HeldId> StateSites::path(HeldId under) const {
  std::vector<HeldId> nodes;
  for (; under; under = model_.held[under].under) {
    const LockKind kind = model_.locks[model_.held[under].lock].kind;
    if (kind != LockKind::Service && kind != LockKind::Thread) nodes.push_back(under);
  }
  return nodes;
}

std::string StateSites::held_names(std::span<const HeldId> holds) const {
  std::set<std::string> names;
  for (const HeldId id : holds) {
    const HeldNode& held = model_.held[id];
    names.insert(classes_.of(held.lock, held.subclass).name + (is_shared(held.mode) ? " (to read)" : ""));
  }
  if (names.empty()) return "nothing";
  std::string list;
  for (auto name = names.begin(); name != names.end(); ++name)
    list += (list.empty() ? "" : std::next(name) == names.end() ? " and " : ", ") + *name;
  return list;
}

void StateSites::name_locks(Finding& finding) const {
  for (const FindingSite& site : finding.sites) {
    for (const HeldId held : site.holds) {
      const LockId lock = model_.held[held].lock;
      if (std::ranges::find(finding.locks, lock, &FindingLock::lock) == finding.locks.end())
        finding.locks.push_back({lock, classes_.of(lock).name});
    }
  }
}

}  // namespace faultline
