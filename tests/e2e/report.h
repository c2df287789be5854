// The JSON report as tests look at it: what was found, and whether one finding is exactly what was expected.
#pragma once

#include <string>
#include <vector>

#include "harness.h"

namespace faultline::e2e {

// What `faultline analyze` said.
struct Report {
  int status = 0;    // its exit status
  std::string text;  // its standard error: warnings and errors
  Json json;         // null where it printed none

  const Json& summary() const { return json.at("summary"); }
  const Json& findings() const { return json.at("findings"); }
  // Findings of that severity ("error", "warning", "note"), in the order of the report.
  std::vector<Json> of_severity(const std::string& severity) const;
};

// Runs `faultline analyze --format=json OPTIONS... PATH`.
Report analyze(const Path& path, const Arguments& options = {});

// Runs a test program under the bare preload and analyzes what it left. Fails the test unless the program
// ended with `status`, nothing was lost, no bound was reached, and analyze's own status fits its findings.
// A program that was skipped (status 77) leaves a report without its JSON.
Report observe(const std::string& name, int status = 0);
Report observe(const std::string& name, const Arguments& arguments, int status = 0,
               const Arguments& options = {});

// One order of a finding: lock classes, and a function to be found on each of the two stacks.
struct Order {
  std::string from;
  std::string to;
  std::string held_in;
  std::string waits_in;
  std::string cause = "call";
};

struct Expected {
  std::string kind = "lock-order";
  std::string verdict;
  std::string severity;
  // All orders of the finding: there may be several witnesses of each, but no other pair of locks.
  std::vector<Order> orders;
};

// Fails the test, naming what differs, unless `finding` is exactly that.
void check_finding(const Json& finding, const Expected& expected);

// Fails the test unless the report has exactly one finding, whatever its severity; and that.
Json only_finding(const Report& report);

// Fails the test unless nothing at or above warning was found.
void check_silent(const Report& report);

// The edges of a finding from one lock class to another.
std::vector<Json> edges_between(const Json& finding, const std::string& from, const std::string& to);

// Whether `stack`, a list of frames, has one of that function, whatever its parameters.
bool has_function(const Json& stack, const std::string& function);

}  // namespace faultline::e2e
