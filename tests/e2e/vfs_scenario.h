// The scenarios of the test file system as the tests run them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "report.h"

namespace faultline::e2e {

// Runs a scenario under the bare preload and analyzes what it left. Fails the test unless its data was right
// and nothing was lost. Where it cannot run here, the report has no JSON.
inline Report run_scenario(const std::string& name, const Arguments& options) {
  Arguments arguments = {name};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return observe("vfs/tvfs", arguments);
}

// A fixed variant: silent because the order is right, not because nothing was seen.
inline void check_fixed_scenario(const std::string& name, const Arguments& options) {
  const Report report = run_scenario(name, options);
  if (report.json.is_null()) return;
  check_silent(report);
  CHECK(report.summary().at("faults") > 0);
}

// The errors of the report by title; nothing may be there at warning.
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
