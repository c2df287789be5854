// Many locks, many held at once, and addresses that come back as other locks.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

TEST_CASE("200,000 mutexes in one order: all counted, none lost, no cycle") {
  const Report report = observe("shapes/many_mutexes");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 200'001);
  CHECK(report.summary().at("edges") == 200'000);
}

TEST_CASE("3,000 held at once, released first in first out: all edges, no cycle") {
  const Report report = observe("shapes/held_3000");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 3'000);
  CHECK(report.summary().at("edges") == 3'000 * 2'999 / 2);
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
