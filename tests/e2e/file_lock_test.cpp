// Locks on files, each shape with its twins that must stay silent or be explained.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

Json lock_of_kind(const Json& finding, const std::string& kind) {
  Json found;
  for (const Json& lock : finding.at("locks"))
    if (lock.at("kind") == kind) found = lock;
  return found;
}

void check_file_abba(const Arguments& arguments, const std::string& verdict, const std::string& severity) {
  const Json finding = only_finding(observe("shapes/file_abba", arguments));
  REQUIRE(finding.at("locks").size() == 2);
  const Json file = lock_of_kind(finding, "file");
  REQUIRE(file.is_object());
  const std::string name = file.at("class");
  check_finding(finding, {.verdict = verdict,
                          .severity = severity,
                          .orders = {{name, "index_lock", "rewrite", "rewrite"},
                                     {"index_lock", name, "look_up", "take_file"}}});
  if (arguments[0] == "posix" || arguments[0] == "lockf")
    CHECK(finding.at("why").get<std::string>().ends_with(
        "the process owns it, so its threads do not block each other"));
}

void check_no_cycle(const Arguments& arguments) {
  const Report report = observe("shapes/file_abba", arguments);
  CHECK(report.findings().empty());
}

}  // namespace

TEST_CASE("mutex and flock in both orders: found") {
  check_file_abba({"flock"}, "feasible", "error");
}

TEST_CASE("mutex and flock in both orders, the file only read: compatible") {
  check_file_abba({"flock", "shared"}, "compatible", "note");
}

TEST_CASE("mutex and flock, second order by a try: no cycle") {
  check_no_cycle({"flock", "try"});
}

TEST_CASE("mutex after flock was given up: no cycle") {
  check_no_cycle({"flock", "unlock"});
}

TEST_CASE("mutex after the descriptor of a flock was closed: no cycle") {
  check_no_cycle({"flock", "close"});
}

TEST_CASE("mutex after fclose ended a flock: no cycle") {
  check_no_cycle({"flock", "fclose"});
}

TEST_CASE("mutex and record lock of an open file description in both orders: found") {
  check_file_abba({"ofd"}, "feasible", "error");
}

TEST_CASE("mutex and record locks on different bytes: no cycle") {
  check_no_cycle({"ofd", "bytes"});
}

TEST_CASE("mutex and record lock owned by the process in both orders: compatible") {
  check_file_abba({"posix"}, "compatible", "note");
}

TEST_CASE("mutex and lockf in both orders: compatible") {
  check_file_abba({"lockf"}, "compatible", "note");
}

TEST_CASE("mutex after any descriptor of a file that the process has locked was closed: no cycle") {
  check_no_cycle({"posix", "fclose"});
}
