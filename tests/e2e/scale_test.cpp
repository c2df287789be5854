// Many locks, many held at once, and addresses that come back as other locks.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

const std::string kParent = "mutex(make_parents)";
const std::string kChild = "mutex(make_children)";

}  // namespace

TEST_CASE("200,000 mutexes in one order: all counted, some thousands told apart, none lost, no cycle") {
  const Report report = observe("shapes/many_mutexes");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 200'001);
  CHECK(report.summary().at("summarised") == 1);
  CHECK(report.summary().at("edges") == 4'096 + 1);  // and the one that stands for the rest
}

TEST_CASE("the 3,000th of 10,000 pairs the other way round: found on these two") {
  const Report report = observe("shapes/pairs", {"3000"});
  check_finding(only_finding(report), {.verdict = "feasible",
                                       .severity = "error",
                                       .orders = {{kParent, kChild, "in_order", "in_order"},
                                                  {kChild, kParent, "other_way", "other_way"}}});
  CHECK(report.summary().at("summarised") == 2);
}

TEST_CASE("a pair past the bound the other way round: the classes form a cycle, a warning") {
  const Report report = observe("shapes/pairs", {"8000"});
  check_finding(only_finding(report), {.verdict = "summarised",
                                       .severity = "warning",
                                       .orders = {{kParent, kChild, "in_order", "in_order"},
                                                  {kChild, kParent, "other_way", "other_way"}}});
}

TEST_CASE("a pair past the bound, the other way round and then in order: found on these two") {
  const Report report = observe("shapes/pairs", {"8000", "again"});
  const Json finding = report.of_severity("error").at(0);
  CHECK(finding.at("verdict") == "feasible");
  CHECK(report.of_severity("error").size() == 1);
}

TEST_CASE("10,000 pairs in order: silent, though not all are told apart") {
  const Report report = observe("shapes/pairs", {"none"});
  CHECK(report.findings().empty());
  CHECK(report.summary().at("summarised") == 2);
}

TEST_CASE("3,000 held at once, released first in first out: all edges, no cycle") {
  const Report report = observe("shapes/held_3000");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 3'000);
  CHECK(report.summary().at("edges") == 3'000 * 2'999 / 2);
}

TEST_CASE("1,000 objects that end with their locks held, in one place: nothing stays held") {
  const Path traces = work_dir() / "traces";
  REQUIRE(run(preloaded({program("shapes/reborn_locked")}, traces)).out == "done\n");
  const Report report = analyze(traces);
  CHECK(report.findings().empty());
  // Among each object's own two and list_lock, and none to the objects before it.
  CHECK(report.summary().at("edges") == 3'000);
}

TEST_CASE("addresses of std::mutex come back as other locks: no cycle") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/reuse_std_mutex")}, traces));
  // Without this the program would prove nothing.
  REQUIRE(outcome.out == "heap objects changed places: yes\n");
  const Report report = analyze(traces);
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 8);
}
