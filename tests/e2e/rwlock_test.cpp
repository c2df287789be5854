// Lock shapes of readers and writers: which waits can be blocked.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

Expected readers(const std::string& verdict, const std::string& severity, const std::string& first,
                 const std::string& second) {
  return {.verdict = verdict,
          .severity = severity,
          .orders = {{"lock_a", "lock_b", first, first}, {"lock_b", "lock_a", second, second}}};
}

void check_modes(const Json& finding, const std::string& from, const std::string& to, const std::string& held,
                 const std::string& wanted) {
  for (const Json& edge : edges_between(finding, from, to)) {
    CHECK(edge.at("held_mode") == held);
    CHECK(edge.at("mode") == wanted);
  }
}

}  // namespace

TEST_CASE("abba, all written: found") {
  const Json finding = only_finding(observe("shapes/rwlock_write_abba"));
  check_finding(finding, readers("feasible", "error", "first_thread", "second_thread"));
  check_modes(finding, "lock_a", "lock_b", "exclusive", "exclusive");
}

TEST_CASE("abba, each writes what the other reads: found") {
  const Json finding = only_finding(observe("shapes/abba_readers_blocked"));
  check_finding(finding, readers("feasible", "error", "first_thread", "second_thread"));
  check_modes(finding, "lock_a", "lock_b", "shared", "exclusive");
  check_modes(finding, "lock_b", "lock_a", "shared", "exclusive");
}

TEST_CASE("abba, one lock only ever read: compatible") {
  const Json finding = only_finding(observe("shapes/abba_readers"));
  check_finding(finding, readers("compatible", "note", "first_thread", "second_thread"));
  check_modes(finding, "lock_b", "lock_a", "shared", "shared");
}

TEST_CASE("abba, all read in fair queues, writers about: found") {
  check_finding(only_finding(observe("shapes/abba_fair_readers_writer")),
                readers("feasible", "error", "first_reader", "second_reader"));
}

TEST_CASE("abba, all read in fair queues, nobody writes: compatible") {
  check_finding(only_finding(observe("shapes/abba_fair_readers")),
                readers("compatible", "note", "first_reader", "second_reader"));
}
