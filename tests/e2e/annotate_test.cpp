// What a program tells through annotate.h, each with its twin that must stay silent.
#include <doctest/doctest.h>

#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

Expected own_lock_abba(const std::string& verdict = "feasible", const std::string& severity = "error") {
  return {.verdict = verdict,
          .severity = severity,
          .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                     {"lock_b", "lock_a", "second_thread", "second_thread"}}};
}

std::set<std::string> kinds_in(const Json& finding) {
  std::set<std::string> kinds;
  for (const Json& lock : finding.at("locks")) kinds.insert(lock.at("kind").get<std::string>());
  return kinds;
}

}  // namespace

TEST_CASE("abba over a lock type of the program's own: found") {
  const Json finding = only_finding(observe("shapes/own_lock_abba"));
  check_finding(finding, own_lock_abba());
  CHECK(kinds_in(finding) == std::set<std::string>{"custom"});
}

TEST_CASE("abba over a lock type of the program's own, second order by a try: no cycle") {
  const Report report = observe("shapes/own_lock_try");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
}

TEST_CASE("abba over a reader-writer type of the program's own, B written: found") {
  check_finding(only_finding(observe("shapes/own_lock_modes", {"write"})), own_lock_abba());
}

TEST_CASE("abba over a reader-writer type of the program's own, B read: compatible") {
  check_finding(only_finding(observe("shapes/own_lock_modes", {"read"})),
                own_lock_abba("compatible", "note"));
}

TEST_CASE("locks of the program's own type at the same addresses: found") {
  check_finding(only_finding(observe("shapes/own_lock_reborn", {"same"})),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"lock_a", "lock_b", "forwards", "forwards"},
                            {"lock_b", "lock_a", "backwards", "backwards"}}});
}

TEST_CASE("locks of the program's own type made anew at the same addresses: no cycle") {
  const Report report = observe("shapes/own_lock_reborn");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 2);
}

TEST_CASE("two locks of one class nested, policy lockdep: found") {
  const Json finding = only_finding(observe("shapes/nested_class", {"plain"}, 0, {"--policy=lockdep"}));
  CHECK(finding.at("verdict") == "class-only");
  CHECK(finding.at("severity") == "error");
  CHECK(finding.at("title") == "dir_lock -> dir_lock");
}

TEST_CASE("two locks of one class nested and said to be, policy lockdep: no cycle") {
  const Report report = observe("shapes/nested_class", Arguments{}, 0, {"--policy=lockdep"});
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
  CHECK(report.summary().at("classes") == 2);
}

TEST_CASE("a class named by one of its locks: all go by the name") {
  const Json finding = only_finding(observe("shapes/class_named"));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"account", "account", "transfer", "transfer"}}});
  CHECK(finding.at("title") == "account -> account -> account");
  CHECK(finding.at("stability") == "high");
}

TEST_CASE("the same class without a name: goes by where it is initialised") {
  const Json finding = only_finding(observe("shapes/class_named", {"unnamed"}));
  CHECK(finding.at("verdict") == "feasible");
  CHECK(finding.at("title").get<std::string>().find("mutex(Account::Account") == 0);
}

TEST_CASE("abba, second order with recording off: no cycle") {
  const Report report = observe("shapes/recording_off");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 2);
}

TEST_CASE("abba, second order with recording on again: found") {
  const Json finding = only_finding(observe("shapes/recording_off", {"on"}));
  check_finding(finding, own_lock_abba());
}

TEST_CASE("a fault that might happen under a lock its service needs: found") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/may_fault")}, traces));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "fetched x\nread x\n");
  const Json finding = only_finding(analyze(traces));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"table_lock", "transport_lock", "read_entry", "fetch_page", "service"},
                                     {"transport_lock", "table_lock", "reconnect", "reconnect", "call"}}});
  for (const Json& edge : edges_between(finding, "table_lock", "transport_lock"))
    CHECK(edge.at("observed") == false);
}

TEST_CASE("a fault that might happen before the lock is taken: no cycle") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/may_fault"), "before"}, traces));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "fetched x\nread x\n");
  CHECK(analyze(traces).findings().empty());
}
