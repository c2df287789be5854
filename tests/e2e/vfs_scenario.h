// Scenarios of the test VFS under the real preload, and the report on what they left.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

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

using Names = std::set<std::string>;

// The classes of the locks that were held at a site of an `assertion` or `unguarded` finding.
Names classes_held(const Json& finding, const Json& site);

// The edges of a finding that are page faults of that origin.
std::vector<Json> by_origin(const std::vector<Json>& edges, const std::string& origin);

// The error of that title; nothing may be there at warning.
inline Json error_titled(const Report& report, const std::string& title) {
  INFO(report.json.dump(2));
  CHECK(report.of_severity("warning").empty());
  const std::vector<Json> errors = report.of_severity("error");
  const auto found =
      std::find_if(errors.begin(), errors.end(), [&](const Json& each) { return each.at("title") == title; });
  REQUIRE(found != errors.end());
  return *found;
}

// Whether the wait of an edge passed through a lock of that class, held in that mode.
inline bool passes_through(const Json& edge, const std::string& lock_class, const std::string& mode) {
  return edge.contains("between") &&
         std::any_of(edge.at("between").begin(), edge.at("between").end(), [&](const Json& lock) {
           return lock.at("class") == lock_class && lock.at("mode") == mode;
         });
}

}  // namespace faultline::e2e
