// What the program says must be so (annotate.h) and was not, as findings of kind `assertion`.
#pragma once

#include <vector>

#include "classes.h"
#include "finding.h"
#include "frame_names.h"

namespace faultline {

// One for each: what is said, about which class of lock or token, and where. Its evidence is one failure; how
// many objects it failed for is its `instances`.
std::vector<Finding> failed_assertions(const Model& model, const LockClasses& classes,
                                       const FrameNames& names);

}  // namespace faultline
