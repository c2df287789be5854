// The dynamic loader's two locks, each shape with its twin that must stay silent.
#include <doctest/doctest.h>

#include "report.h"

using namespace faultline::e2e;

TEST_CASE("lock held over dlsym, taken by a constructor inside dlopen: found") {
  check_finding(only_finding(observe("shapes/loader_abba")),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"dl_load_lock", "registry_lock", "load", "register_plugin"},
                            {"registry_lock", "dl_load_lock", "look_up", "look_up", "loader"}}});
}

TEST_CASE("dlsym before the lock that a constructor inside dlopen takes: no cycle") {
  CHECK(observe("shapes/loader_abba", {"early"}).findings().empty());
}

TEST_CASE("lock held over dlsym, taken once dlopen has returned: no cycle") {
  CHECK(observe("shapes/loader_abba", {"after"}).findings().empty());
}

TEST_CASE("lock held over dlopen, taken by a callback of dl_iterate_phdr: found") {
  const Report report = observe("shapes/loader_walk");
  REQUIRE(report.findings().size() == 2);
  check_finding(report.findings()[0],
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"dl_load_write_lock", "cache_lock", "walk", "add_to_cache"},
                            {"cache_lock", "dl_load_write_lock", "load", "load", "loader"}}});
  // The way over the other lock of the loader is one thread's own.
  check_finding(report.findings()[1],
                {.verdict = "gated",
                 .severity = "note",
                 .orders = {{"dl_load_lock", "dl_load_write_lock", "load", "load", "loader"},
                            {"dl_load_write_lock", "cache_lock", "walk", "add_to_cache"},
                            {"cache_lock", "dl_load_lock", "load", "load", "loader"}}});
}

TEST_CASE("lock held over a throw, taken by a callback of dl_iterate_phdr: no cycle") {
  CHECK(observe("shapes/loader_walk", {"throw"}).findings().empty());
}
