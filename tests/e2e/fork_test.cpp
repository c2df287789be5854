// What a forked child inherits: locks that other threads of its parent held, which nobody will release.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The one finding: `lock_a`, held in `held_in` of the parent at the fork, waited for in `waits_in` of the
// child.
Json check_left_locked(const Report& report, const std::string& severity, const std::string& held_in,
                       const std::string& waits_in) {
  const Json finding = only_finding(report);
  INFO(finding.dump(2));
  CHECK(finding.at("kind") == "misuse");
  CHECK(finding.at("severity") == severity);
  CHECK(finding.at("verdict").is_null());
  CHECK(finding.at("title") == "lock_a, locked by another thread at fork, taken in the child");
  REQUIRE(finding.at("edges").size() == 1);
  Json edge = finding.at("edges").at(0);
  CHECK(edge.at("from") == edge.at("to"));
  CHECK(edge.at("cause") == "call");
  CHECK(has_function(edge.at("held_at"), held_in));
  CHECK(has_function(edge.at("at"), waits_in));
  // Two processes left traces: the child waits, a thread of the parent that is not its first holds.
  CHECK(edge.at("held_by").at("pid") != edge.at("thread").at("pid"));
  CHECK(edge.at("held_by").at("tid") != edge.at("held_by").at("pid"));
  CHECK(edge.at("thread").at("tid") == edge.at("thread").at("pid"));
  return edge;
}

}  // namespace

TEST_CASE("fork while another thread holds a mutex, which the child takes: found") {
  const Report report = observe("shapes/fork_left_locked");
  const Json edge = check_left_locked(report, "error", "take_in_parent", "take_in_child");
  CHECK(edge.at("held_mode") == "exclusive");
  CHECK(edge.at("timed") == false);
  const Outcome text = run(faultline_command({"analyze", work_dir() / "traces"}));
  CHECK(text.out.find("inherits, locked by thread \"fork_left_locke\" (tid ") != std::string::npos);
}

TEST_CASE("fork while another thread holds a mutex, which the child takes for a time: a warning") {
  const Json edge = check_left_locked(observe("shapes/fork_left_locked_timed"), "warning", "take_in_parent",
                                      "take_in_child");
  CHECK(edge.at("timed") == true);
}

TEST_CASE("fork while another thread reads, the child reads and writes: the write is found") {
  const Json edge =
      check_left_locked(observe("shapes/fork_left_read_locked"), "error", "read_in_parent", "write_in_child");
  CHECK(edge.at("held_mode") == "shared");
  CHECK(edge.at("mode") == "exclusive");
}

TEST_CASE("fork with handlers that take the lock before and release it after: silent") {
  const Report report = observe("shapes/fork_left_locked_handlers");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("processes") == 6);
}

TEST_CASE("fork while another thread holds a mutex, which the child initialises anew: silent") {
  CHECK(observe("shapes/fork_left_locked_reinit").findings().empty());
}

TEST_CASE("fork while another thread holds a mutex shared between processes: silent") {
  CHECK(observe("shapes/fork_left_locked_shared").findings().empty());
}
