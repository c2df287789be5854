// Waits that are no mutex: semaphores, barriers, initialisers, the ends of threads. Each with its twin that
// must stay silent.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The records of the only trace of the last `observe`.
std::vector<Json> records() {
  return records_of(traces_in(work_dir() / "traces").at(0));
}

// The waits for locks of that kind.
std::vector<Json> waits_for(const std::string& kind) {
  std::vector<Json> ids;
  std::vector<Json> waits;
  for (const Json& record : records()) {
    if (record.at("t") == "lock" && record.at("kind") == kind) ids.push_back(record.at("id"));
    if (record.at("t") == "dep" && std::count(ids.begin(), ids.end(), record.at("to")) > 0)
      waits.push_back(record);
  }
  return waits;
}

bool is_ever_held(const std::string& kind) {
  std::vector<Json> ids;
  for (const Json& record : records()) {
    if (record.at("t") == "lock" && record.at("kind") == kind) ids.push_back(record.at("id"));
    if (record.at("t") == "held" && std::count(ids.begin(), ids.end(), record.at("lock")) > 0) return true;
  }
  return false;
}

// Runs left_by_unwinding; how often its one mutex was taken with something held.
std::ptrdiff_t taken_under_something(const std::string& way, const std::string& inside = "") {
  Arguments arguments = {way};
  if (!inside.empty()) arguments.push_back(inside);
  CHECK(observe("shapes/left_by_unwinding", arguments).findings().empty());
  const std::vector<Json> waits = waits_for("mutex");
  CHECK_FALSE(waits.empty());
  return std::count_if(waits.begin(), waits.end(), [](const Json& wait) { return wait.at("under") != 0; });
}

std::string kinds(const Json& finding) {
  std::string text;
  for (const Json& lock : finding.at("locks"))
    text += lock.at("class").get<std::string>() + ':' + lock.at("kind").get<std::string>() + ' ';
  return text;
}

void check_join(const std::string& way, const std::string& worker, const std::string& verdict,
                const std::string& severity) {
  CAPTURE(way);
  const std::string end = "thread(" + worker + ")";
  const Report report = observe("shapes/join_under_lock", {way});
  const Json finding = only_finding(report);
  CHECK(finding.at("title") == "lock_a -> " + end + " -> lock_a");
  CHECK(finding.at("verdict") == verdict);
  CHECK(finding.at("severity") == severity);
  CHECK(kinds(finding) == "lock_a:mutex " + end + ":thread ");
  const Json joins = edges_between(finding, "lock_a", end);
  REQUIRE(joins.size() == 1);
  CHECK(joins[0].at("cause") == "join");
  CHECK(has_function(joins[0].at("held_at"), "join_holding_lock"));
  CHECK(has_function(joins[0].at("at"), "join_holding_lock"));
  const Json takes = edges_between(finding, end, "lock_a");
  REQUIRE(takes.size() == 1);
  CHECK(takes[0].at("cause") == "call");
  CHECK(takes[0].at("held_at") == Json::array());
  CHECK(has_function(takes[0].at("at"), worker));

  CHECK(observe("shapes/join_under_lock", {way, "released"}).findings().empty());
}

// `once`: the class of what runs once.
void check_once(const std::string& way, const std::string& once, const std::string& kind) {
  CAPTURE(way);
  const Json finding = only_finding(observe("shapes/once_under_lock", {way}));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{once, "lock_a", "first_thread", "initialise"},
                                     {"lock_a", once, "under_lock", "under_lock", "once"}}});
  CHECK(finding.at("locks").dump().find("\"kind\":\"" + kind + '"') != std::string::npos);
  CHECK(observe("shapes/once_under_lock", {way, "before"}).findings().empty());
}

}  // namespace

TEST_CASE("semaphore initialised to 1 against a mutex: found, initialised to 2 silent") {
  const Json finding = only_finding(observe("shapes/semaphore_abba", {"1"}));
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"permit", "lock_a", "first_thread", "first_thread"},
                                     {"lock_a", "permit", "second_thread", "second_thread"}}});
  CHECK(kinds(finding) == "lock_a:mutex permit:semaphore ");

  CHECK(observe("shapes/semaphore_abba", {"2"}).findings().empty());
  CHECK(waits_for("semaphore").size() == 1);
  CHECK_FALSE(is_ever_held("semaphore"));
}

TEST_CASE("semaphore that begins at 1 but is posted by others: no lock") {
  CHECK(observe("shapes/semaphore_signal").findings().empty());
}

TEST_CASE("barrier under a lock: waited for, held by nobody") {
  const Report report = observe("shapes/barrier_under_lock");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 1);
  const std::vector<Json> waits = waits_for("barrier");
  REQUIRE(waits.size() == 1);
  CHECK(waits[0].at("under") != 0);
  CHECK(waits[0].at("cause") == "call");
  CHECK_FALSE(is_ever_held("barrier"));
}

TEST_CASE("latch, barrier and counting semaphore of the standard library: atomics, not seen") {
  const Report report = observe("shapes/atomic_waits");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 1);
  CHECK(report.summary().at("edges") == 0);
}

TEST_CASE("pthread_once under a lock its initialiser takes: found, before the lock silent") {
  check_once("pthread", "posix_once", "once");
}
TEST_CASE("std::call_once under a lock its initialiser takes: found, before the lock silent") {
  check_once("std", "std_once", "once");
}
TEST_CASE("C11 call_once under a lock its initialiser takes: found, before the lock silent") {
  check_once("c11", "c11_once", "once");
}
TEST_CASE("static variable initialised under a lock its initialiser takes: found, before the lock silent") {
  check_once("static", "static-guard(static_value()::value)", "static-guard");
}

TEST_CASE("initialiser left by an exception: held until then, not after") {
  CHECK(taken_under_something("throw", "inside") == 1);
  CHECK(taken_under_something("throw") == 0);
}
TEST_CASE("initialiser left by cancellation: held until then, not after") {
  CHECK(taken_under_something("cancel", "inside") == 1);
  CHECK(taken_under_something("cancel") == 0);
}
TEST_CASE("wait for a semaphore left by cancellation: not held after it") {
  CHECK(taken_under_something("semaphore") == 0);
}

TEST_CASE("join under a lock the joined thread takes: found, released before silent") {
  check_join("pthread", "worker", "feasible", "error");
}
TEST_CASE("join under a lock of a thread that has announced its end under it: a warning only") {
  const Json finding = only_finding(observe("shapes/join_announced"));
  CHECK(finding.at("title") == "lock_a -> thread(worker) -> lock_a");
  CHECK(finding.at("verdict") == "feasible");
  CHECK(finding.at("severity") == "warning");
  CHECK(finding.dump().find("condition wait before the join: a warning only") != std::string::npos);
}
TEST_CASE("join under a lock, as text: one thread waits for the other to end, which is that other thread") {
  REQUIRE(observe("shapes/join_under_lock", {"pthread"}).findings().size() == 1);
  const std::string text = run(faultline_command({"analyze", (work_dir() / "traces").string()})).out;
  INFO(text);
  CHECK(text.find("waits for thread(worker) to end, at\n") != std::string::npos);
  CHECK(text.find("is thread(worker), which has not ended\n     waits for lock_a (exclusive), at\n") !=
        std::string::npos);
}
TEST_CASE("C11 join under a lock the joined thread takes: found, released before silent") {
  check_join("c11", "c11_worker", "feasible", "error");
}
TEST_CASE("timed join under a lock the joined thread takes: timed, released before silent") {
  check_join("timed", "worker", "timed", "warning");
}
TEST_CASE("timed join by another clock under a lock the joined thread takes: timed, released before silent") {
  check_join("clock", "worker", "timed", "warning");
}
TEST_CASE("join by trying under a lock the joined thread takes: no wait") {
  CHECK(observe("shapes/join_under_lock", {"try"}).findings().empty());
  CHECK(waits_for("thread").empty());
}

TEST_CASE("join of a thread that joins the one that takes the lock: found, released before silent") {
  const Json finding = only_finding(observe("shapes/join_under_lock", {"chain"}));
  CHECK(finding.at("title") == "lock_a -> thread(foreman) -> thread(worker) -> lock_a");
  CHECK(finding.at("verdict") == "feasible");
  CHECK(finding.at("severity") == "error");
  std::string causes;
  for (const Json& edge : finding.at("edges")) causes += edge.at("cause").get<std::string>() + ' ';
  CHECK(causes == "join join call ");
  CHECK(observe("shapes/join_under_lock", {"chain", "released"}).findings().empty());
}
