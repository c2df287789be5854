// Locks that the trace does not tell apart: a summary stands for those of its class that have no id of their
// own.
//
// The recorder tells instances apart until some thousands of pairs of two classes were nested, and again once
// the orders of the classes close a cycle (preload/record/lock_classes.h). What it saw in between is known of
// classes only. So the locks of such a class are looked at once more as one: a cycle among them may be one of
// instances or not, and is called `summarised` where the rules would find it feasible.
#pragma once

#include <vector>

#include "model.h"

namespace faultline {

// By lock id less one: the summary of its class, also of the summary itself; none where every lock of the
// class is told apart.
std::vector<LockId> summaries_of(const Model& model);

bool has_summary(const Model& model);

// The same model, with every lock of a summarised class replaced by its summary.
Model with_summaries(const Model& model);

}  // namespace faultline
