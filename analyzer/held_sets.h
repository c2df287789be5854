// Held sets as sets: which of two threads' held locks keep the two from being there at once.
//
// A node of the held tree knows where each lock was taken; here only locks and modes count, so nodes that
// differ in call sites alone are one set. Sets are made when first asked for. Not for use by several threads
// at once.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model.h"

namespace faultline {

class HeldSets {
 public:
  explicit HeldSets(const Model& model);

  // Equal for nodes whose paths hold the same locks in the same modes and order; 0 for the empty path.
  std::uint32_t set_of(HeldId node) const { return set_of_[node.value]; }

  // The lock that both paths hold in conflicting modes, the one with the smallest id; none where both can be
  // held at once. Neither the service of page faults counts, as two servers may serve two faults, nor a
  // summary of several locks.
  LockId gate(HeldId a, HeldId b);

  // Steps taken by `gate` so far: what a search has cost.
  std::uint64_t steps() const { return steps_; }

 private:
  struct Entry {
    LockId lock;
    bool exclusive;
  };
  using Set = std::vector<Entry>;  // sorted by lock, each once
  const Set& set(HeldId node);
  LockId find_gate(const Set& small, const Set& large);

  const Model& model_;
  std::vector<std::uint32_t> set_of_;  // by node, from 0
  std::unordered_map<std::uint32_t, Set> sets_;
  std::size_t entries_ = 0;
  std::unordered_map<std::uint64_t, LockId> gates_;  // by the two sets
  std::uint64_t steps_ = 0;
};

}  // namespace faultline
