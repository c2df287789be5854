// The places of findings about state: what was done there, by whom, holding what.
#pragma once

#include <span>
#include <string>

#include "classes.h"
#include "explain.h"
#include "finding.h"

namespace faultline {

// Names places and locks for one model. Keeps references to all of them.
class StateSites {
 public:
  StateSites(const Model& model, const LockClasses& classes, const FrameNames& names)
      : model_(model),
        classes_(classes),
        explainer_(model, classes),
        rules_(ClassRules::defaults()),
        places_(model, names, rules_) {}

  const Place& place(StackId stack) { return places_.site(stack); }
  std::string thread(ThreadId id) const { return explainer_.thread(id); }
  const LockClass& lock_class(LockId lock) const { return classes_.of(lock); }

  // The nodes of a held path, innermost first.
  std::vector<HeldId> path(HeldId under) const;

  // "nothing", "inode_lock", "mmap_lock (to read) and inode_lock"
  std::string held_names(std::span<const HeldId> holds) const;

  // Adds the locks held at the finding's sites to its locks, each once.
  void name_locks(Finding& finding) const;

 private:
  const Model& model_;
  const LockClasses& classes_;
  const Explainer explainer_;
  const ClassRules rules_;
  Places places_;
};

}  // namespace faultline
