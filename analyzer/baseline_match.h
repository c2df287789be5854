// Findings against a baseline: which are known, which are new, which are gone.
#pragma once

#include <string>
#include <vector>

#include "baseline.h"
#include "finding.h"
#include "report.h"

namespace faultline {

// Sets the state of each finding: known where the baseline accepts its fingerprint at its severity or a
// higher one, else new. Returns what only the baseline has, by fingerprint.
std::vector<GoneFinding> match(const Baseline& baseline, std::vector<Finding>& findings);

// Adds the new findings at or above `level` with this reason and date. One that was accepted at a lower
// severity keeps its date and owner and gets the reason. Returns how many were added or raised.
std::size_t accept_new(Baseline& baseline, const std::vector<Finding>& findings, Severity level,
                       const std::string& reason, const std::string& date);

}  // namespace faultline
