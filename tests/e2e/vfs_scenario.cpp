#include "vfs_scenario.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace faultline::e2e {
namespace {

Arguments command_of(const std::string& name, const std::string& variant, const std::string& faults_by,
                     const Arguments& extra) {
  Arguments arguments = {program("vfs/tvfs"), name, "--variant=" + variant, "--faults-by=" + faults_by};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return arguments;
}

}  // namespace

Report scenario(const std::string& name, const std::string& variant, const std::string& faults_by, int status,
                const Arguments& extra) {
  const Path traces = work_dir() / "traces";
  std::filesystem::remove_all(traces);
  Command command = preloaded(command_of(name, variant, faults_by, extra), traces);
  command.timeout = std::chrono::seconds(60);
  const Outcome outcome = run(command);
  if (skipped(outcome)) return {};
  INFO(outcome.command << "\n" << outcome.out << outcome.err);
  REQUIRE(outcome.status == status);
  Report report = analyze(traces);
  INFO(report.text);
  REQUIRE(report.json.is_object());
  CHECK(report.status == (report.of_severity("error").empty() ? 0 : 1));
  return report;
}

void check_fixed(const std::string& name, const std::string& variant, const std::string& faults_by) {
  const Report report = scenario(name, variant, faults_by);
  if (report.json.is_null()) return;
  check_silent(report);
  CHECK(report.summary().at("lost") == Json::object());
  CHECK(report.summary().at("bounds") == Json::array());
  // Silent because the order is right, not because nothing was seen.
  CHECK(report.summary().at("edges") > 0);
  if (faults_by == "handler") CHECK(report.summary().at("faults") > 0);
}

Json really(const std::string& name, const std::string& variant, const std::string& faults_by) {
  const Path traces = work_dir() / "traces";
  std::filesystem::remove_all(traces);
  Arguments arguments = {"run", "-o", traces.string(), "--on-deadlock=kill", "--"};
  const Arguments program = command_of(name, variant, faults_by, {"--really"});
  arguments.insert(arguments.end(), program.begin(), program.end());
  Command command = faultline_command(arguments);
  command.timeout = std::chrono::seconds(60);
  const Outcome outcome = run(command);
  if (skipped(outcome)) return nullptr;
  INFO(outcome.command << "\n" << outcome.out << outcome.err);
  REQUIRE(outcome.status == 66);
  CHECK(outcome.err.find("faultline: deadlock: ") != std::string::npos);
  // The shim ended it, before the program's own alarm did.
  CHECK(outcome.err.find("it hangs, as --really asked") == std::string::npos);
  const Report report = analyze(traces);
  std::vector<Json> observed;
  for (const Json& finding : report.findings())
    if (finding.at("verdict") == "observed") observed.push_back(finding);
  REQUIRE(observed.size() == 1);
  return observed.front();
}

Json only_of(const Report& report, const std::string& severity) {
  const std::vector<Json> findings = report.of_severity(severity);
  INFO(report.json.dump(2));
  REQUIRE(findings.size() == 1);
  return findings.front();
}

Names classes_held(const Json& finding, const Json& site) {
  Names classes;
  for (const Json& held : site.at("holds"))
    for (const Json& lock : finding.at("locks"))
      if (lock.at("id") == held.at("lock")) classes.insert(lock.at("class").get<std::string>());
  return classes;
}

std::vector<Json> by_origin(const std::vector<Json>& edges, const std::string& origin) {
  std::vector<Json> matching;
  for (const Json& edge : edges)
    if (edge.at("cause") == "fault" && edge.at("fault").at("origin") == origin) matching.push_back(edge);
  return matching;
}

}  // namespace faultline::e2e
