// Scenarios of the test VFS under the real preload, and the report on what they left.
#pragma once

#include "report.h"

namespace faultline::e2e {

// Runs `tvfs SCENARIO --variant=VARIANT --faults-by=FAULTS_BY EXTRA...` and analyzes its trace. Fails the
// test unless it ends with `status`. Where the machine does not permit the scenario the report has no JSON,
// and the test should return.
Report scenario(const std::string& name, const std::string& variant, const std::string& faults_by = "handler",
                int status = 0, const Arguments& extra = {});

// The same for a fixed variant: nothing at or above warning, nothing lost, and not for want of faults.
void check_fixed(const std::string& name, const std::string& variant,
                 const std::string& faults_by = "handler");

// Runs the schedule that hangs, `tvfs ... --really`, under `faultline run`: it must end it with status 66.
// Returns the one finding of kind `deadlock`, or the one that was observed. Null: skipped.
Json really(const std::string& name, const std::string& variant, const std::string& faults_by);

// The only finding of that severity. Fails the test otherwise.
Json only_of(const Report& report, const std::string& severity);

// The edges of a finding that are page faults of that origin.
std::vector<Json> by_origin(const std::vector<Json>& edges, const std::string& origin);

}  // namespace faultline::e2e
