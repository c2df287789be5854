// Servers of userfaultfd contexts as strangers write them: however they read, in this process or another, for
// faults and for events.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The finding of a client that holds the directory while it touches a page, and a server that takes it to
// fetch one.
void check_service_cycle(const Report& report, const std::string& lock, const std::string& how) {
  const Json finding = only_finding(report);
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"service(uffd)", lock, "serve_pages", "fetch_page"},
                                     {lock, "service(uffd)", "use_page", "use_page", "fault"}}});
  const std::string origin = how == "copy" ? "kernel-copy" : "user";
  const std::vector<Json> edges = edges_between(finding, lock, "service(uffd)");
  CHECK(std::any_of(edges.begin(), edges.end(), [&](const Json& edge) {
    return edge.at("observed") == true && edge.at("fault").at("origin") == origin;
  }));
}

void check_service(const std::string& how, const std::string& reading) {
  CAPTURE(how);
  CAPTURE(reading);
  const Report report = observe("shapes/uffd_service", Arguments{how, reading});
  if (report.json.is_null()) return;
  CHECK(report.summary().at("faults") >= 1);
  if (how == "clean") {
    check_silent(report);
  } else {
    check_service_cycle(report, "directory_lock", how);
  }
}

void check_remote(const std::string& how, const std::string& kind, const std::string& lock,
                  bool inherited = false) {
  CAPTURE(how);
  CAPTURE(kind);
  Arguments arguments{how, kind};
  if (inherited) arguments.push_back("inherited");
  const Report report = observe("shapes/uffd_remote", arguments);
  if (report.json.is_null()) return;
  CHECK(report.summary().at("processes") == 2);
  if (how == "clean") {
    check_silent(report);
    return;
  }
  check_service_cycle(report, lock, how);
  // The halves come from the two processes.
  const Json finding = report.findings().front();
  CHECK(edges_between(finding, lock, "service(uffd)").front().at("thread").at("pid") !=
        edges_between(finding, "service(uffd)", lock).front().at("thread").at("pid"));
}

constexpr const char* kEvents[] = {"unmap", "remove", "remap", "fork"};

Expected waits_for_reader(const std::string& kind, const std::string& verdict) {
  return {.kind = kind,
          .verdict = verdict,
          .severity = "error",
          .orders = {{"monitor_lock", "service(uffd events)", "main", "give_back", "service"},
                     {"service(uffd events)", "monitor_lock", "serve", "count_round"}}};
}

// What is found of a program that `faultline run` had to end. Fails the test if it had not.
Json hung(const std::string& event, const std::string& when) {
  CAPTURE(event);
  const Path traces = work_dir() / event;
  Command command =
      faultline_command({"run", "-o", traces, "--", program("shapes/uffd_events"), event, when});
  command.timeout = std::chrono::seconds(20);
  const Outcome outcome = run(command);
  INFO(outcome.err);
  REQUIRE(outcome.status == 66);
  CHECK(outcome.err.find("waits for a server to read that its memory changes") != std::string::npos);
  const Report report = analyze(traces);
  REQUIRE(report.findings().size() >= 1);
  return report.findings().front();
}

// Says so where the machine does not permit it.
bool events_are_permitted() {
  Command command;
  command.arguments = {program("shapes/uffd_events"), "fork", "defer"};
  return !skipped(run(command));
}

}  // namespace

TEST_CASE("page touched under a lock that its server takes: found, however the server reads") {
  for (const char* reading : {"read", "readv", "uring", "handed"}) check_service("touch", reading);
}

TEST_CASE("page copied by the kernel under a lock that its server takes: found, however the server reads") {
  for (const char* reading : {"read", "readv", "uring", "handed"}) check_service("copy", reading);
}

TEST_CASE("page there before the lock that its server takes: silent, however the server reads") {
  for (const char* reading : {"read", "readv", "uring", "handed"}) check_service("clean", reading);
}

TEST_CASE("server in another process, mutex in shared memory: joined and found") {
  for (const char* how : {"touch", "copy", "clean"}) check_remote(how, "mutex", "mutex(map_mutex)");
}

TEST_CASE("server in another process, lock on a file: joined and found") {
  for (const char* how : {"touch", "copy", "clean"}) check_remote(how, "file", "file(fetch_page, use_page)");
}

TEST_CASE("server in a child that inherits the descriptor: joined and found") {
  for (const char* how : {"touch", "copy", "clean"}) check_remote(how, "mutex", "mutex(map_mutex)", true);
}

TEST_CASE("memory given back under a lock that its server in another process takes: joined and found") {
  const Report report = observe("shapes/uffd_remote", Arguments{"unmap", "mutex"});
  if (report.json.is_null()) return;
  const std::string lock = "mutex(map_mutex)";
  check_finding(only_finding(report),
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{lock, "service(uffd events)", "give_back", "give_back", "service"},
                            {"service(uffd events)", lock, "serve_pages", "fetch_page"}}});
}

TEST_CASE("memory given back under a lock that its server takes before it reads of it: found, no fault") {
  for (const char* event : kEvents) {
    CAPTURE(event);
    const Report report = observe("shapes/uffd_events", Arguments{event, "under"});
    if (report.json.is_null()) return;
    const Json finding = only_finding(report);
    check_finding(finding, waits_for_reader("lock-order", "feasible"));
    for (const Json& edge : edges_between(finding, "monitor_lock", "service(uffd events)"))
      CHECK(edge.at("fault").at("origin") == "event");
  }
}

TEST_CASE("memory given back after the lock was dropped: silent") {
  for (const char* event : kEvents) {
    CAPTURE(event);
    const Report report = observe("shapes/uffd_events", Arguments{event, "defer"});
    if (report.json.is_null()) return;
    CHECK(report.findings().empty());
  }
}

TEST_CASE("memory given back under the lock its server waits for: told when it happens, and ended") {
  if (!events_are_permitted()) return;
  for (const char* event : kEvents)
    check_finding(hung(event, "hang"), waits_for_reader("deadlock", "observed"));
}

TEST_CASE("memory given back by its own server: told when it happens, and ended") {
  if (!events_are_permitted()) return;
  const Expected expected = {
      .kind = "deadlock",
      .verdict = "observed",
      .severity = "error",
      .orders = {{"service(uffd events)", "service(uffd events)", "serve", "give_back", "service"}}};
  if (!events_are_permitted()) return;
  for (const char* event : kEvents) check_finding(hung(event, "self"), expected);
}
