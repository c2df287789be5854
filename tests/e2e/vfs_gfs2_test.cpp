// The test VFS: gfs2's glocks, and the locks of pages, held over copies that fault on what they guard.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

// The threads that hold and wait, and each time another lock of the class.
void check_two_glocks(const Json& finding) {
  REQUIRE(finding.at("locks").size() == 2);
  CHECK(finding.at("locks")[0].at("id") != finding.at("locks")[1].at("id"));
  std::vector<std::string> threads;
  for (const Json& edge : finding.at("edges")) {
    CHECK(edge.at("from") != edge.at("to"));
    CHECK(edge.at("held_mode") == "exclusive");
    CHECK(edge.at("mode") == "shared");
    CHECK(edge.at("observed") == true);
    CHECK(passes_through(edge, "mmap_lock", "shared"));
    if (!edge.at("alternative")) threads.push_back(edge.at("thread").at("name"));
  }
  std::sort(threads.begin(), threads.end());
  CHECK(threads == std::vector<std::string>{"first", "second"});
}

// The only error: the lock is one, its thread waits for its server, who waits for it.
void check_self_lock(const Report& report, const Order& order, const std::string& held_mode,
                     const std::string& mode) {
  if (report.json.is_null()) return;
  INFO(report.json.dump(2));
  CHECK(report.of_severity("warning").empty());
  const Json finding = only_of(report, "error");
  check_finding(finding, {.kind = "self-lock", .verdict = "self", .severity = "error", .orders = {order}});
  CHECK(finding.at("locks").size() == 1);
  for (const Json& edge : finding.at("edges")) {
    CHECK(edge.at("from") == edge.at("to"));
    CHECK(edge.at("held_mode") == held_mode);
    CHECK(edge.at("mode") == mode);
    // The page was there.
    CHECK(edge.at("observed") == false);
    CHECK(edge.at("thread").at("name") == "user");
    CHECK(edge.at("via").at("thread").at("name") == "fault-handler");
    CHECK(passes_through(edge, "mmap_lock", "shared"));
  }
}

Order glock_order(const std::string& held_in, const std::string& waits_in = "tvfs::gfs2_fault") {
  return {"glock", "glock", held_in, waits_in, "service"};
}

bool says(const Json& finding, const std::string& words) {
  return finding.at("why").get<std::string>().find(words) != std::string::npos;
}

// A thread that really waits for its own lock: one cycle, observed.
void check_really(const std::string& name, const std::string& variant, const std::string& faults_by,
                  const std::vector<std::string>& lock_classes) {
  const Json finding = really(name, variant, faults_by);
  if (finding.is_null()) return;
  INFO(finding.dump(2));
  CHECK(finding.at("kind") == "deadlock");
  CHECK(finding.at("severity") == "error");
  for (const std::string& lock_class : lock_classes) {
    INFO(lock_class);
    const Json& locks = finding.at("locks");
    CHECK(std::any_of(locks.begin(), locks.end(),
                      [&](const Json& lock) { return lock.at("class") == lock_class; }));
  }
}

}  // namespace

TEST_CASE("gfs2-abba, broken: two glocks of one class through the fault, and the serial handler") {
  const Report report = scenario("gfs2-abba", "broken");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 2);

  const Json glocks = error_titled(report, "glock -> glock -> glock");
  check_finding(
      glocks, {.verdict = "feasible", .severity = "error", .orders = {glock_order("tvfs::gfs2_file_write")}});
  check_two_glocks(glocks);
  for (const Json& edge : glocks.at("edges"))
    CHECK(edge.at("via").at("thread").at("name") == "fault-handler");

  // The handler serves one fault at a time: while it waits for the one file's glock, it does not serve the
  // writer who holds that.
  const Json server = error_titled(report, "glock -> service(uffd) -> glock");
  check_finding(
      server,
      {.verdict = "feasible",
       .severity = "error",
       .orders = {{"glock", "service(uffd)", "tvfs::gfs2_file_write", "tvfs::gfs2_file_write", "fault"},
                  {"service(uffd)", "glock", "tvfs::FaultHandler::serve", "tvfs::gfs2_fault"}}});
  const std::vector<Json> faults = edges_between(server, "glock", "service(uffd)");
  CHECK_FALSE(by_origin(faults, "user").empty());
  CHECK_FALSE(by_origin(faults, "kernel-copy").empty());
}

TEST_CASE("gfs2-abba, broken, by SIGBUS: two glocks of one class, in the threads that fault") {
  const Report report = scenario("gfs2-abba", "broken", "sigbus");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("warning").empty());
  const Json finding = only_of(report, "error");
  check_finding(finding,
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"glock", "glock", "tvfs::gfs2_file_write", "tvfs::gfs2_fault", "call"}}});
  check_two_glocks(finding);
}

TEST_CASE("gfs2-abba, broken, really, by SIGBUS: ended as a deadlock") {
  const Json finding = really("gfs2-abba", "broken", "sigbus");
  if (finding.is_null()) return;
  check_finding(finding,
                {.kind = "deadlock",
                 .verdict = "observed",
                 .severity = "error",
                 .orders = {{"glock", "glock", "tvfs::gfs2_file_write", "tvfs::gfs2_fault", "call"}}});
  CHECK(finding.at("locks").size() == 2);
}

TEST_CASE("gfs2-abba, fault-in: silent") {
  check_fixed("gfs2-abba", "fault-in");
  check_fixed("gfs2-abba", "fault-in", "sigbus");
}

TEST_CASE("gfs2-abba, fault-in, threads that overlap: silent, and every byte right") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    const Report report = scenario("gfs2-abba", "fault-in", faults_by, 0, {"--threads=2", "--seconds=0.5"});
    if (!report.json.is_null()) check_silent(report);
  }
}

TEST_CASE("gfs2-self, write: held exclusive, the read fault wants it shared") {
  check_self_lock(scenario("gfs2-self", "write"), glock_order("tvfs::gfs2_file_write"), "exclusive",
                  "shared");
}

TEST_CASE("gfs2-self, read: held shared, the write fault wants it exclusive") {
  check_self_lock(scenario("gfs2-self", "read"), glock_order("tvfs::gfs2_file_read"), "shared", "exclusive");
}

TEST_CASE("gfs2-self, read-shared: shared behind shared, where a writer may wait between") {
  const Report report = scenario("gfs2-self", "read-shared");
  check_self_lock(report, glock_order("tvfs::gfs2_file_read", "tvfs::gfs2_fault_shared"), "shared", "shared");
  if (!report.json.is_null()) CHECK(says(only_of(report, "error"), "behind thread other"));
}

TEST_CASE("gfs2-self, read-alone: shared behind shared and no writer is no more than a note") {
  const Report report = scenario("gfs2-self", "read-alone");
  if (report.json.is_null()) return;
  check_silent(report);
  const std::vector<Json> notes = report.of_severity("note");
  CHECK(std::any_of(notes.begin(), notes.end(), [](const Json& note) {
    return note.at("kind") == "self-lock" && note.at("verdict") == "compatible" &&
           note.at("title") == "glock -> glock";
  }));
}

TEST_CASE("gfs2-self, fault-in: silent") {
  check_fixed("gfs2-self", "fault-in");
  check_fixed("gfs2-self", "fault-in", "sigbus");
}

TEST_CASE("gfs2-self, really: ended as a deadlock, whoever serves the fault") {
  for (const char* variant : {"write", "read", "read-shared"})
    for (const char* faults_by : {"handler", "sigbus"}) {
      INFO(variant << " by " << faults_by);
      check_really("gfs2-self", variant, faults_by, {"glock"});
    }
}

TEST_CASE("page-self, broken: the page's lock, through a fault on that page") {
  check_self_lock(scenario("page-self", "broken"),
                  {"page_lock", "page_lock", "tvfs::generic_file_write", "tvfs::filemap_fault", "service"},
                  "exclusive", "exclusive");
}

TEST_CASE("page-self, atomic-copy: silent") {
  check_fixed("page-self", "atomic-copy");
  check_fixed("page-self", "atomic-copy", "sigbus");
}

TEST_CASE("page-self, really: ended as a deadlock, whoever serves the fault") {
  check_really("page-self", "broken", "handler", {"page_lock"});
  check_really("page-self", "broken", "sigbus", {"page_lock"});
}
