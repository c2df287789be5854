// GLib's locks, each shape with its twin that must stay silent.
#include <doctest/doctest.h>

#include <iostream>
#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The programs were built only where GLib's headers are.
bool lacks_glib() {
  if (std::filesystem::exists(program("shapes/gmutex_abba"))) return false;
  std::cout << "\nskipped: the headers of GLib are not installed" << std::endl;
  return true;
}

const Expected kAbba = {.verdict = "feasible",
                        .severity = "error",
                        .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}}};

std::set<std::string> kinds_in(const Json& finding) {
  std::set<std::string> kinds;
  for (const Json& lock : finding.at("locks")) kinds.insert(lock.at("kind").get<std::string>());
  return kinds;
}

}  // namespace

TEST_CASE("abba over GMutex: found") {
  if (lacks_glib()) return;
  const Json finding = only_finding(observe("shapes/gmutex_abba"));
  check_finding(finding, kAbba);
  CHECK(kinds_in(finding) == std::set<std::string>{"gmutex"});
}

TEST_CASE("abba over GMutex, second order by a try: no cycle") {
  if (lacks_glib()) return;
  CHECK(observe("shapes/gmutex_abba", {"try"}).findings().empty());
}

TEST_CASE("wait on a GCond takes its mutex again under another lock: found") {
  if (lacks_glib()) return;
  check_finding(only_finding(observe("shapes/gcond_relock")),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"queue_lock", "state_lock", "waiter", "waiter", "relock"},
                            {"state_lock", "queue_lock", "submitter", "submitter"}}});
}

TEST_CASE("wait on a GCond with nothing else held: no cycle") {
  if (lacks_glib()) return;
  CHECK(observe("shapes/gcond_relock", {"alone"}).findings().empty());
}

TEST_CASE("abba over GRecMutex, which is a pthread mutex inside: found") {
  if (lacks_glib()) return;
  const Json finding = only_finding(observe("shapes/grec_abba"));
  CHECK(finding.at("kind") == "lock-order");
  CHECK(finding.at("verdict") == "feasible");
  CHECK(kinds_in(finding) == std::set<std::string>{"mutex"});
  CHECK(finding.at("edges").size() == 2);
}

TEST_CASE("GRecMutex in one order, taken again by its holder: no cycle") {
  if (lacks_glib()) return;
  CHECK(observe("shapes/grec_abba", {"ranked"}).findings().empty());
}

TEST_CASE("abba over GMutex by a plugin that brings GLib along, for itself alone: found") {
  if (lacks_glib()) return;
  const Json finding = only_finding(observe("shapes/glib_later"));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"lock_a", "lock_b", "take_forwards", "take_forwards"},
                                     {"lock_b", "lock_a", "take_backwards", "take_backwards"}}});
}
