#include "report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace faultline::e2e {

namespace {

std::string class_of(const Json& finding, const Json& lock_id) {
  for (const Json& lock : finding.at("locks"))
    if (lock.at("id") == lock_id) return lock.at("class");
  FAIL("an edge names a lock that is not among the finding's locks: " << lock_id.dump());
  return {};
}

// A finding in a few lines: what a person needs to see why it is not the expected one. All of it is in the
// work directory.
std::string shown(const Json& finding) {
  std::ostringstream text;
  text << finding.at("kind") << ' ' << finding.at("verdict") << ' ' << finding.at("severity") << ' '
       << finding.at("title") << "\n  why: " << finding.at("why");
  for (const Json& edge : finding.at("edges")) {
    text << "\n  " << class_of(finding, edge.at("from")) << " -> " << class_of(finding, edge.at("to"))
         << " by " << edge.at("cause");
    for (const char* side : {"held_at", "at"}) {
      text << "\n    " << side << ':';
      for (const Json& frame : edge.at(side)) text << ' ' << frame.at("function");
    }
  }
  return text.str();
}

std::string shown(const Report& report) {
  std::string text = report.text;
  for (const Json& finding : report.findings()) text += shown(finding) + "\n";
  return text;
}

bool is_witness(const Json& edge, const Order& order) {
  return edge.at("cause") == order.cause && has_function(edge.at("held_at"), order.held_in) &&
         has_function(edge.at("at"), order.waits_in);
}

std::string listed(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + "; ";
  return text;
}

}  // namespace

std::vector<Json> Report::of_severity(const std::string& severity) const {
  std::vector<Json> found;
  for (const Json& finding : findings())
    if (finding.at("severity") == severity) found.push_back(finding);
  return found;
}

Report analyze(const Path& path, const Arguments& options) {
  Arguments arguments = {"analyze", "--format=json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.push_back(path);
  Command command = faultline_command(arguments);
  command.timeout = std::chrono::seconds(60);
  const Outcome outcome = run(command);
  Report report{.status = outcome.status, .text = outcome.err, .json = nullptr};
  if (!outcome.out.empty()) report.json = Json::parse(outcome.out);
  return report;
}

Report observe(const std::string& name, int status) {
  return observe(name, Arguments{}, status);
}

Report observe(const std::string& name, const Arguments& arguments, int status, const Arguments& options) {
  const Path traces = work_dir() / "traces";
  std::filesystem::remove_all(traces);
  Arguments all = {program(name)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome program_run = run(preloaded(all, traces));
  if (skipped(program_run)) return {};
  INFO(program_run.command << "\n" << program_run.out << program_run.err);
  REQUIRE(program_run.status == status);
  Report report = analyze(traces, options);
  INFO(report.text);
  REQUIRE(report.json.is_object());
  CHECK(report.status == (report.of_severity("error").empty() ? 0 : 1));
  CHECK(report.summary().at("lost") == Json::object());
  CHECK(report.summary().at("bounds") == Json::array());
  return report;
}

void check_finding(const Json& finding, const Expected& expected) {
  INFO(shown(finding));
  CHECK(finding.at("kind") == expected.kind);
  CHECK(finding.at("verdict") == expected.verdict);
  CHECK(finding.at("severity") == expected.severity);
  std::set<std::string> classes;
  std::set<std::string> orders;
  for (const Order& order : expected.orders) {
    classes.insert({order.from, order.to});
    orders.insert(order.from + " -> " + order.to);
  }
  std::set<std::string> found_classes;
  for (const Json& lock : finding.at("locks")) found_classes.insert(lock.at("class").get<std::string>());
  CHECK(listed(found_classes) == listed(classes));
  std::set<std::string> found_orders;
  for (const Json& edge : finding.at("edges"))
    found_orders.insert(class_of(finding, edge.at("from")) + " -> " + class_of(finding, edge.at("to")));
  CHECK(listed(found_orders) == listed(orders));
  for (const Order& order : expected.orders) {
    INFO(order.from << " in " << order.held_in << " -> " << order.to << " in " << order.waits_in << ", by "
                    << order.cause);
    const std::vector<Json> edges = edges_between(finding, order.from, order.to);
    CHECK(std::any_of(edges.begin(), edges.end(), [&](const Json& edge) { return is_witness(edge, order); }));
  }
}

Json only_finding(const Report& report) {
  INFO(shown(report));
  REQUIRE(report.findings().size() == 1);
  return report.findings().front();
}

void check_silent(const Report& report) {
  INFO(shown(report));
  CHECK(report.of_severity("error").empty());
  CHECK(report.of_severity("warning").empty());
}

std::vector<Json> edges_between(const Json& finding, const std::string& from, const std::string& to) {
  std::vector<Json> edges;
  for (const Json& edge : finding.at("edges"))
    if (class_of(finding, edge.at("from")) == from && class_of(finding, edge.at("to")) == to)
      edges.push_back(edge);
  return edges;
}

bool has_function(const Json& stack, const std::string& function) {
  return std::any_of(stack.begin(), stack.end(), [&](const Json& frame) {
    const std::string name = frame.at("function");
    return name == function || name.starts_with(function + "(");
  });
}

}  // namespace faultline::e2e
