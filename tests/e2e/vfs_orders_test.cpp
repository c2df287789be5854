// The test VFS: orders through the fault path that need no file of the buffer's, or no fault at all.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

const std::string kTwoLocks = "invalidate_lock -> ni_lock -> invalidate_lock";
const std::string kThreeLocks = "invalidate_lock -> ni_lock -> mmap_lock -> invalidate_lock";

void check_two_locks(const Json& finding, const std::string& cause) {
  check_finding(
      finding,
      {.verdict = "feasible",
       .severity = "error",
       .orders = {
           {"ni_lock", "invalidate_lock", "tvfs::ntfs_fiemap", "tvfs::ntfs_filemap_fault", cause},
           {"invalidate_lock", "ni_lock", "tvfs::ntfs_fallocate_punch", "tvfs::ntfs_fallocate_punch"}}});
  for (const Json& edge : edges_between(finding, "ni_lock", "invalidate_lock")) {
    CHECK(edge.at("mode") == "shared");
    CHECK(edge.at("thread").at("name") == "fiemap");
    CHECK(passes_through(edge, "mmap_lock", "shared"));
  }
  for (const Json& edge : edges_between(finding, "invalidate_lock", "ni_lock"))
    CHECK(edge.at("held_mode") == "exclusive");
}

// `into_mmap_lock`: the cause of fiemap's wait there, and the function it is seen in.
void check_three_locks(const Json& finding, const std::string& into_mmap_lock, const std::string& seen_in) {
  check_finding(
      finding,
      {.verdict = "feasible",
       .severity = "error",
       .orders = {
           {"ni_lock", "mmap_lock", "tvfs::ntfs_fiemap", seen_in, into_mmap_lock},
           {"mmap_lock", "invalidate_lock", "tvfs::do_user_addr_fault", "tvfs::ntfs_filemap_fault"},
           {"invalidate_lock", "ni_lock", "tvfs::ntfs_fallocate_punch", "tvfs::ntfs_fallocate_punch"}}});
  // All take mmap_lock shared: it takes the thread that maps.
  CHECK(finding.at("why").get<std::string>().find("behind thread mapper") != std::string::npos);
}

}  // namespace

TEST_CASE("ntfs3-fiemap, broken: ni_lock and invalidate_lock through the fault, one error") {
  const Report report = scenario("ntfs3-fiemap", "broken");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 1);
  check_two_locks(error_titled(report, kTwoLocks), "service");
}

TEST_CASE("ntfs3-fiemap, broken, by SIGBUS: the same in the thread that faults") {
  const Report report = scenario("ntfs3-fiemap", "broken", "sigbus");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 1);
  check_two_locks(error_titled(report, kTwoLocks), "call");
}

TEST_CASE("ntfs3-fiemap, with-mapper: also the three locks over mmap_lock") {
  const Report report = scenario("ntfs3-fiemap", "with-mapper");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 2);
  check_two_locks(error_titled(report, kTwoLocks), "service");
  const Json three = error_titled(report, kThreeLocks);
  check_three_locks(three, "fault", "tvfs::ntfs_fiemap");
  const std::vector<Json> faults = edges_between(three, "ni_lock", "mmap_lock");
  CHECK_FALSE(by_origin(faults, "user").empty());
  CHECK_FALSE(by_origin(faults, "kernel-copy").empty());
}

TEST_CASE("ntfs3-fiemap, with-mapper, by SIGBUS: the same in the threads that fault") {
  const Report report = scenario("ntfs3-fiemap", "with-mapper", "sigbus");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 2);
  check_two_locks(error_titled(report, kTwoLocks), "call");
  check_three_locks(error_titled(report, kThreeLocks), "call", "tvfs::do_user_addr_fault");
}

TEST_CASE("ntfs3-fiemap, copy-after-unlock: silent") {
  check_fixed("ntfs3-fiemap", "copy-after-unlock");
  check_fixed("ntfs3-fiemap", "copy-after-unlock", "sigbus");
}

TEST_CASE("ntfs3-fiemap, really: ended as a deadlock, whoever serves the fault") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Json finding = really("ntfs3-fiemap", "broken", faults_by);
    if (finding.is_null()) return;
    CHECK(finding.at("kind") == "deadlock");
    CHECK(finding.at("title") == kTwoLocks);
  }
}

TEST_CASE("monitor-unmap, broken: the monitor's lock and its service, and no fault in it") {
  const Report report = scenario("monitor-unmap", "broken");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("warning").empty());
  const Json finding = only_of(report, "error");
  INFO(finding.dump(2));
  CHECK(finding.at("kind") == "lock-order");
  CHECK(finding.at("verdict") == "feasible");
  CHECK(finding.at("title") == "monitor_lock -> service(uffd events) -> monitor_lock");
  for (const Json& edge : edges_between(finding, "monitor_lock", "service(uffd events)")) {
    CHECK(edge.at("thread").at("name") == "evictor");
    // Who changes the memory waits for its message to be read.
    CHECK(edge.at("cause") == "service");
    CHECK(edge.at("fault").at("origin") == "event");
    CHECK(has_function(edge.at("at"), "tvfs::monitor_unmap::evict_pages"));
  }
  const std::vector<Json> server = edges_between(finding, "service(uffd events)", "monitor_lock");
  REQUIRE_FALSE(server.empty());
  for (const Json& edge : server) {
    CHECK(edge.at("thread").at("name") == "monitor");
    CHECK(has_function(edge.at("at"), "tvfs::monitor_unmap::Cache::book"));
  }
}

TEST_CASE("monitor-unmap, defer: silent") {
  check_fixed("monitor-unmap", "defer");
}

TEST_CASE("monitor-unmap, really: ended as a deadlock") {
  const Json finding = really("monitor-unmap", "broken", "handler");
  if (finding.is_null()) return;
  INFO(finding.dump(2));
  CHECK(finding.at("kind") == "deadlock");
}
