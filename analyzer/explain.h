// Verdicts in words.
#pragma once

#include <string>
#include <vector>

#include "classes.h"
#include "cycles.h"

namespace faultline {

class Explainer {
 public:
  // Keeps references to both.
  Explainer(const Model& model, const LockClasses& classes) : model_(model), classes_(classes) {}

  // One sentence, without a full stop: the verdict's evidence.
  std::string why(const Cycle& cycle) const;

  // Further sentences: what a reader should know of the witnesses.
  std::vector<std::string> notes(const Cycle& cycle) const;

  std::string thread(ThreadId id) const;

 private:
  const Dependency& dependency(const Cycle& cycle, std::size_t place) const {
    return model_.dependencies[cycle.witnesses[place].dependency];
  }
  const std::string& name(LockId lock) const { return classes_.of(lock).name; }
  std::string order(const Cycle& cycle, std::size_t place) const;
  std::string evidence(const Cycle& cycle) const;
  std::string feasible(const Cycle& cycle) const;
  std::string ordered(const Cycle& cycle) const;
  std::string compatible(const Cycle& cycle) const;
  std::string timed(const Cycle& cycle) const;
  std::string self(const Cycle& cycle) const;
  std::string with_writers(const Cycle& cycle, std::string sentence) const;

  const Model& model_;
  const LockClasses& classes_;
};

}  // namespace faultline
