// The test file system: the order between a file system's locks and the page-fault path.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// Runs the scenario; nothing where it cannot run here.
Outcome scenario(const std::string& name, const std::string& variant) {
  Command command = preloaded({program("vfs/tvfs"), name, "--variant=" + variant}, work_dir() / "traces");
  command.timeout = std::chrono::seconds(60);
  return run(command);
}

std::vector<Json> by_origin(const std::vector<Json>& edges, const std::string& origin) {
  std::vector<Json> matching;
  for (const Json& edge : edges)
    if (edge.at("cause") == "fault" && edge.at("fault").at("origin") == origin) matching.push_back(edge);
  return matching;
}

void check_fixed(const std::string& variant) {
  const Outcome outcome = scenario("ext4-mmap-inline", variant);
  if (skipped(outcome)) return;
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  const Report report = analyze(work_dir() / "traces");
  check_silent(report);
  CHECK(report.summary().at("lost") == Json::object());
  // Silent because the order is right, not because nothing was seen.
  CHECK(report.summary().at("faults") > 0);
}

}  // namespace

TEST_CASE("ext4-mmap-inline, broken: inode_lock and mmap_lock through the fault, user and kernel copy") {
  const Outcome outcome = scenario("ext4-mmap-inline", "broken");
  if (skipped(outcome)) return;
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  const Report report = analyze(work_dir() / "traces");
  CHECK(report.status == 1);
  CHECK(report.of_severity("warning").empty());
  const std::vector<Json> errors = report.of_severity("error");
  REQUIRE(errors.size() == 1);
  const Json& finding = errors[0];
  INFO(finding.dump(2));
  CHECK(finding.at("kind") == "lock-order");
  CHECK(finding.at("verdict") == "feasible");
  CHECK(finding.at("title") == "inode_lock -> mmap_lock -> inode_lock");

  const std::vector<Json> into_mmap_lock = edges_between(finding, "inode_lock", "mmap_lock");
  for (const char* origin : {"user", "kernel-copy"}) {
    const std::vector<Json> edges = by_origin(into_mmap_lock, origin);
    INFO(origin);
    REQUIRE_FALSE(edges.empty());
    for (const Json& edge : edges) {
      CHECK(std::stoull(edge.at("fault").at("address").get<std::string>(), nullptr, 16) != 0);
      CHECK(edge.at("mode") == "shared");
      for (const char* side : {"held_at", "at"}) {
        REQUIRE_FALSE(edge.at(side).empty());
        CHECK_FALSE(edge.at(side).at(0).at("function").get<std::string>().empty());
      }
    }
  }
  const std::vector<Json> into_inode_lock = edges_between(finding, "mmap_lock", "inode_lock");
  REQUIRE_FALSE(into_inode_lock.empty());
  CHECK(into_inode_lock[0].at("held_mode") == "exclusive");
  CHECK(into_inode_lock[0].at("cause") == "call");
}

TEST_CASE("ext4-mmap-inline, pre-mmap: silent") {
  check_fixed("pre-mmap");
}

TEST_CASE("ext4-mmap-inline, no-convert: silent") {
  check_fixed("no-convert");
}
