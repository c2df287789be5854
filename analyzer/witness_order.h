// In which order the sightings of one lock order are tried as its witness.
//
// A program that takes two locks in a thousand threads has a thousand sightings that differ in nothing but
// thread and epoch, and perhaps one, the last, that lacks the gate of all the others. So the first of every
// kind (CycleRules::signature) comes before the second of any; of one kind they come from its first to its
// last, then halving what lies between, because whether two may overlap depends on when they were.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cycle_rules.h"

namespace faultline {

// Every different sighting once. Of the first `bound`, the best evidence of each kind leads; where there are
// more kinds than that, those are among them that hold the fewest locks and so have the fewest gates.
// Cost: sorting, and a walk down one held path for each kind.
std::vector<Witness> in_order_of_trial(const Model& model, CycleRules& rules,
                                       std::span<const Witness> sightings, std::size_t bound);

}  // namespace faultline
