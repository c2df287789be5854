// Every family of locks in a pair: AB/BA is found, and the same program with both threads in one order is
// silent.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The program found with these arguments, and silent with one more.
void check_pair(const std::string& name, const Arguments& arguments, const Expected& expected,
                const std::string& twin) {
  CAPTURE(name);
  Arguments with_twin = arguments;
  with_twin.push_back(twin);
  const Report found = observe(name, arguments);
  if (found.json.is_null()) return;
  check_finding(only_finding(found), expected);
  CHECK(observe(name, with_twin).findings().empty());
}

const Expected kAbba = {.verdict = "feasible",
                        .severity = "error",
                        .orders = {{"lock_a", "lock_b", "first_thread", "first_thread"},
                                   {"lock_b", "lock_a", "second_thread", "second_thread"}}};

void check_mutex_type(const std::string& type) {
  check_pair("shapes/abba_mutex_types", {type}, kAbba, "ranked");
}

// `type` without its std::, which both threads lock by std::`guard`.
void check_std_lock(const std::string& type, const std::string& guard) {
  const std::string lock = "std::" + type;
  const std::string a = "Pair<" + lock + ">::lock_a";
  const std::string b = "Pair<" + lock + ">::lock_b";
  const std::string take = "take<std::" + guard + "<" + lock + ">, " + lock + ">";
  check_pair("shapes/abba_std_locks", {type},
             {.verdict = "feasible", .severity = "error", .orders = {{a, b, take, take}, {b, a, take, take}}},
             "ranked");
}

}  // namespace

TEST_CASE("abba over recursive mutexes: found, ranked silent") {
  check_mutex_type("recursive");
}
TEST_CASE("abba over error-checking mutexes: found, ranked silent") {
  check_mutex_type("errorcheck");
}
TEST_CASE("abba over adaptive mutexes: found, ranked silent") {
  check_mutex_type("adaptive");
}
TEST_CASE("abba over robust mutexes: found, ranked silent") {
  check_mutex_type("robust");
}
TEST_CASE("abba over priority-inheriting mutexes: found, ranked silent") {
  check_mutex_type("inherit");
}
TEST_CASE("abba over mutexes with a priority ceiling: found, ranked silent") {
  check_mutex_type("protect");
}
TEST_CASE("abba over process-shared mutexes: found, ranked silent") {
  check_mutex_type("shared");
}

TEST_CASE("abba over rwlocks of each preference: found and told in the trace, ranked silent") {
  for (const std::string preference : {"reader", "writer", "writer-nonrecursive"}) {
    CAPTURE(preference);
    check_pair("shapes/abba_rwlock_preferences", {preference}, kAbba, "ranked");
    std::size_t locks = 0;
    for (const Json& record : records_of(traces_in(work_dir() / "traces").at(0)))
      if (record.at("t") == "lock" && record.at("kind") == "rwlock") {
        ++locks;
        CHECK(record.at("prefer") == preference);
      }
    CHECK(locks == 2);
  }
}

TEST_CASE("abba with one wait by each of the timed functions: timed, ranked silent") {
  const std::pair<std::string, std::string> ways[] = {
      {"mutex_timedlock", "mutex_a"},     {"mutex_clocklock", "mutex_a"},
      {"rwlock_timedrdlock", "rwlock_a"}, {"rwlock_timedwrlock", "rwlock_a"},
      {"rwlock_clockrdlock", "rwlock_a"}, {"rwlock_clockwrlock", "rwlock_a"},
      {"mtx_timedlock", "c11_a"},         {"sem_timedwait", "semaphore_a"},
      {"sem_clockwait", "semaphore_a"}};
  for (const auto& [function, lock] : ways) {
    CAPTURE(function);
    check_pair("shapes/abba_timed_calls", {function},
               {.verdict = "timed",
                .severity = "warning",
                .orders = {{lock, "lock_b", "first_thread", "first_thread"},
                           {"lock_b", lock, "second_thread", "second_thread"}}},
               "ranked");
  }
}

TEST_CASE("abba over a robust mutex whose owner died: found, ranked silent") {
  const Report report = observe("shapes/robust_owner_died", {"inverted"});
  check_finding(only_finding(report),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"lock_a", "robust_lock", "recover", "recover"},
                            {"robust_lock", "lock_a", "use_in_order", "use_in_order"}}});
  CHECK(observe("shapes/robust_owner_died", {"ranked"}).findings().empty());
}

TEST_CASE("a robust mutex beyond repair: not held by who is refused it") {
  const Report report = observe("shapes/robust_owner_died", {"lost"});
  CHECK(report.findings().empty());
  CHECK(report.summary().at("edges") == 0);
}

TEST_CASE("abba over std::mutex: found, ranked silent") {
  check_std_lock("mutex", "lock_guard");
}
TEST_CASE("abba over std::timed_mutex: found, ranked silent") {
  check_std_lock("timed_mutex", "unique_lock");
}
TEST_CASE("abba over std::recursive_mutex: found, ranked silent") {
  check_std_lock("recursive_mutex", "lock_guard");
}
TEST_CASE("abba over std::recursive_timed_mutex: found, ranked silent") {
  check_std_lock("recursive_timed_mutex", "unique_lock");
}
TEST_CASE("abba over std::shared_mutex, written: found, ranked silent") {
  check_std_lock("shared_mutex", "unique_lock");
}
TEST_CASE("abba over std::shared_timed_mutex, written: found, ranked silent") {
  check_std_lock("shared_timed_mutex", "lock_guard");
}
TEST_CASE("abba over std::shared_mutex, read: compatible") {
  const Json finding = only_finding(observe("shapes/abba_std_locks", {"shared_mutex-readers"}));
  CHECK(finding.at("verdict") == "compatible");
  CHECK(finding.at("severity") == "note");
}

TEST_CASE("std::scoped_lock and std::lock in opposite orders: silent; one lock after the other: found") {
  const Report report = observe("shapes/scoped_lock_both_ways");
  CHECK(report.findings().empty());
  // Both orders in which the two are held when the third is waited for, but none between the two.
  CHECK(report.summary().at("edges") == 2);
  check_finding(only_finding(observe("shapes/scoped_lock_both_ways", {"nested"})),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"lock_a", "lock_b", "forwards_nested", "forwards_nested"},
                            {"lock_b", "lock_a", "backwards_nested", "backwards_nested"}}});
}

TEST_CASE("abba over C11 locks in C11 threads: found, ranked silent") {
  check_pair("shapes/abba_c11", {}, kAbba, "ranked");
}

TEST_CASE("relock of a C11 condition wait under another lock: found, that lock released silent") {
  check_pair("shapes/c11_relock", {},
             {.verdict = "feasible",
              .severity = "error",
              .orders = {{"state_lock", "queue_lock", "submitter", "submitter"},
                         {"queue_lock", "state_lock", "waiter", "wait_a_moment", "relock"}}},
             "released");
}

TEST_CASE("relock of std::condition_variable_any under another lock: found, only its own held silent") {
  check_pair("shapes/condition_any_relock", {},
             {.verdict = "feasible",
              .severity = "error",
              .orders = {{"outer_lock", "inner_lock", "waiter", "wait_for_it"},
                         {"inner_lock", "outer_lock", "use_both", "use_both"}}},
             "inner");
}
