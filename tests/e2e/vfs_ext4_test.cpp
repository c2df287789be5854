// The test VFS: inline data of a file system and who converts it, against the page-fault path.
#include <doctest/doctest.h>

#include <set>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

const std::string kCycle = "inode_lock -> mmap_lock -> inode_lock";

// A write holds inode_lock and faults; `converter` holds mmap_lock and wants inode_lock.
Expected through_the_fault(const std::string& converter, const std::string& mmap_locked_in,
                           const std::string& cause, const std::string& faults_in) {
  return {.verdict = "feasible",
          .severity = "error",
          .orders = {{"inode_lock", "mmap_lock", "tvfs::ext4_buffered_write", faults_in, cause},
                     {"mmap_lock", "inode_lock", mmap_locked_in, converter}}};
}

Expected by_handler(const std::string& converter, const std::string& mmap_locked_in) {
  return through_the_fault(converter, mmap_locked_in, "fault", "tvfs::ext4_buffered_write");
}

// The thread that faulted runs the fault path itself: an order of calls, the fault below them.
Expected by_sigbus(const std::string& converter, const std::string& mmap_locked_in) {
  return through_the_fault(converter, mmap_locked_in, "call", "tvfs::do_user_addr_fault");
}

// Into mmap_lock by a user's fault and by one of the kernel's copy.
void check_both_origins(const Json& finding) {
  for (const char* origin : {"user", "kernel-copy"}) {
    INFO(origin);
    const std::vector<Json> edges = by_origin(edges_between(finding, "inode_lock", "mmap_lock"), origin);
    REQUIRE_FALSE(edges.empty());
    for (const Json& edge : edges) {
      CHECK(std::stoull(edge.at("fault").at("address").get<std::string>(), nullptr, 16) != 0);
      CHECK(edge.at("held_mode") == "exclusive");
      CHECK(edge.at("mode") == "shared");
      CHECK(edge.at("observed") == true);
      CHECK(has_function(edge.at("held_at"), "tvfs::ext4_buffered_write"));
      CHECK_FALSE(edge.at("at").empty());
    }
  }
}

void check_modes(const Json& finding, const std::string& mmap_lock_mode) {
  for (const Json& edge : edges_between(finding, "mmap_lock", "inode_lock")) {
    CHECK(edge.at("held_mode") == mmap_lock_mode);
    CHECK(edge.at("mode") == "exclusive");
  }
}

// What is also true where one handler serves all: the writer's fault waits for it while it waits for the
// writer.
void check_service_cycle(const Json& finding) {
  check_finding(finding,
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"inode_lock", "service(uffd)", "tvfs::ext4_buffered_write",
                             "tvfs::ext4_buffered_write", "fault"},
                            {"service(uffd)", "inode_lock", "tvfs::Uffd::next", "tvfs::ext4_page_mkwrite"}}});
}

// page_mkwrite takes inode_lock, and a third thread maps.
void check_mkwrite_by_handler(const Report& report) {
  if (report.json.is_null()) return;
  const std::vector<Json> errors = report.of_severity("error");
  INFO(report.json.dump(2));
  REQUIRE(errors.size() == 2);
  CHECK(report.of_severity("warning").empty());
  const bool service_first = errors[0].at("title") != kCycle;
  const Json& cycle = errors[service_first ? 1 : 0];
  check_finding(cycle, by_handler("tvfs::ext4_page_mkwrite", "tvfs::do_user_addr_fault"));
  CHECK(cycle.at("title") == kCycle);
  check_both_origins(cycle);
  check_modes(cycle, "shared");
  check_service_cycle(errors[service_first ? 0 : 1]);
}

void check_mkwrite_by_sigbus(const Report& report) {
  if (report.json.is_null()) return;
  const Json finding = only_of(report, "error");
  check_finding(finding, by_sigbus("tvfs::ext4_page_mkwrite", "tvfs::do_user_addr_fault"));
  CHECK(finding.at("title") == kCycle);
  check_modes(finding, "shared");
}

}  // namespace

TEST_CASE("ext4-mmap-inline, broken: inode_lock and mmap_lock through the fault, user and kernel copy") {
  const Report report = scenario("ext4-mmap-inline", "broken");
  if (report.json.is_null()) return;
  CHECK(report.of_severity("warning").empty());
  const Json finding = only_of(report, "error");
  check_finding(finding, by_handler("tvfs::ext4_file_mmap", "tvfs::vm_mmap"));
  CHECK(finding.at("title") == kCycle);
  check_both_origins(finding);
  check_modes(finding, "exclusive");
}

TEST_CASE("ext4-mmap-inline, broken, faults served where they happen: the same order") {
  const Report report = scenario("ext4-mmap-inline", "broken", "sigbus");
  if (report.json.is_null()) return;
  const Json finding = only_of(report, "error");
  check_finding(finding, by_sigbus("tvfs::ext4_file_mmap", "tvfs::vm_mmap"));
  CHECK(finding.at("title") == kCycle);
}

TEST_CASE("ext4-mmap-inline, really: the deadlock is ended, through a page fault") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Json finding = really("ext4-mmap-inline", "broken", faults_by);
    if (finding.is_null()) return;
    CHECK(finding.at("kind") == "deadlock");
    CHECK(finding.at("title") == kCycle);
    std::filesystem::remove_all(work_dir() / "traces");
  }
}

TEST_CASE("ext4-mmap-inline, fixed: silent") {
  for (const char* variant : {"pre-mmap", "no-convert"})
    for (const char* faults_by : {"handler", "sigbus"}) check_fixed("ext4-mmap-inline", variant, faults_by);
}

TEST_CASE("ext4-mkwrite-inline, broken: mmap_lock shared twice, feasible as a third thread maps") {
  check_mkwrite_by_handler(scenario("ext4-mkwrite-inline", "broken"));
}

TEST_CASE("ext4-mkwrite-inline, broken, faults served where they happen: the same, and nothing else") {
  const Report report = scenario("ext4-mkwrite-inline", "broken", "sigbus");
  check_mkwrite_by_sigbus(report);
  if (report.json.is_null()) return;
  // It takes the third thread: the reason names it.
  const std::string why = only_of(report, "error").at("why");
  CHECK(why.find("mapper") != std::string::npos);
}

TEST_CASE("ext4-mkwrite-inline, the same orders and nobody maps: a note, readers pass each other") {
  const Report report = scenario("ext4-mkwrite-inline", "no-mapper", "sigbus");
  if (report.json.is_null()) return;
  check_silent(report);
  const Json finding = only_of(report, "note");
  CHECK(finding.at("kind") == "lock-order");
  CHECK(finding.at("verdict") == "compatible");
  CHECK(finding.at("title") == kCycle);
}

TEST_CASE("ext4-mkwrite-inline, really: three threads hang, a reader behind a waiting writer") {
  const Json finding = really("ext4-mkwrite-inline", "broken", "sigbus");
  if (finding.is_null()) return;
  CHECK(finding.at("kind") == "deadlock");
  CHECK(finding.at("title") == "inode_lock -> mmap_lock -> mmap_lock -> inode_lock");
  const std::string why = finding.at("why");
  INFO(why);
  // The reader behind the writer that waits, the writer behind the reader inside, and who it waits for.
  for (const char* wait :
       {"waits for mmap_lock, held by thread mapper", "waits for mmap_lock, held by thread storer",
        "waits for inode_lock, held by thread writer"})
    CHECK_MESSAGE(why.find(wait) != std::string::npos, wait);
}

TEST_CASE("ext4-mkwrite-inline, fixed: silent") {
  check_fixed("ext4-mkwrite-inline", "pre-mmap");
  check_fixed("ext4-mkwrite-inline", "pre-mmap", "sigbus");
  check_fixed("ext4-mkwrite-inline", "retry", "sigbus");
}

TEST_CASE("ext4-inline-race, locked: inode_lock in page_mkwrite ends the race and is the order above") {
  check_mkwrite_by_handler(scenario("ext4-inline-race", "locked"));
  check_mkwrite_by_sigbus(scenario("ext4-inline-race", "locked", "sigbus"));
}

TEST_CASE("ext4-inline-race, revert: silent, but the model's own data check finds lost stores") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Report report = scenario("ext4-inline-race", "revert", faults_by, 1);
    if (report.json.is_null()) return;
    check_silent(report);
  }
}

TEST_CASE("ext4-inline-race, fixed: silent, with SIGBUS and no byte lost where there is no space") {
  check_fixed("ext4-inline-race", "pre-mmap");
  check_fixed("ext4-inline-race", "pre-mmap", "sigbus");
  check_fixed("ext4-inline-race", "retry", "sigbus");
}

// ---- what is annotated of the state itself ----

TEST_CASE("ext4-inline-race, broken: the state is changed, and looked at by write-back, without inode_lock") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Report report = scenario("ext4-inline-race", "broken", faults_by);
    if (report.json.is_null()) return;
    CHECK(report.of_severity("warning").empty());
    const std::vector<Json> errors = report.of_severity("error");
    INFO(report.json.dump(2));
    REQUIRE(errors.size() == 2);
    std::set<std::string> titles;
    for (const Json& finding : errors) {
      CHECK(finding.at("kind") == "assertion");
      CHECK(finding.at("verdict").is_null());
      REQUIRE(finding.at("sites").size() == 1);
      const Json& site = finding.at("sites").at(0);
      CHECK(site.at("action") == "assert");
      const std::string title = finding.at("title");
      titles.insert(title);
      const bool in_writeback = title.ends_with("ext4_writepage");
      CHECK(has_function(site.at("at"), in_writeback ? "tvfs::vfs_writeback" : "tvfs::ext4_page_mkwrite"));
      CHECK(classes_held(finding, site) ==
            (in_writeback ? Names{"page_lock"} : Names{"mmap_lock", "xattr_sem"}));
    }
    CHECK(titles == Names{"inode_lock not held at tvfs::ext4_set_inline_state",
                          "inode_lock not held at tvfs::ext4_writepage"});
  }
}

TEST_CASE(
    "ext4-inline-race, only the state annotated: unguarded against both looks of a write and write-back's") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Report report = scenario("ext4-inline-race", "unguarded", faults_by);
    if (report.json.is_null()) return;
    CHECK(report.of_severity("warning").empty());
    const std::vector<Json> errors = report.of_severity("error");
    INFO(report.json.dump(2));
    REQUIRE(errors.size() == 3);
    Names readers;
    for (const Json& finding : errors) {
      CHECK(finding.at("kind") == "unguarded");
      CHECK(finding.at("verdict").is_null());
      CHECK(finding.at("title").get<std::string>().starts_with(
          "EXT4_STATE_MAY_INLINE_DATA: tvfs::ext4_set_inline_state writes, "));
      REQUIRE(finding.at("sites").size() == 2);
      const Json& write = finding.at("sites").at(0);
      const Json& read = finding.at("sites").at(1);
      CHECK(write.at("action") == "write");
      CHECK(has_function(write.at("at"), "tvfs::ext4_page_mkwrite"));
      CHECK(classes_held(finding, write) == Names{"mmap_lock", "xattr_sem"});
      CHECK(read.at("action") == "read");
      for (const char* reader : {"tvfs::ext4_write_begin", "tvfs::ext4_write_end", "tvfs::ext4_writepage"}) {
        if (!has_function(read.at("at"), reader)) continue;
        readers.insert(reader);
        CHECK(classes_held(finding, read) == (reader == std::string("tvfs::ext4_writepage")
                                                  ? Names{"page_lock"}
                                                  : Names{"inode_lock", "page_lock"}));
      }
    }
    CHECK(readers == Names{"tvfs::ext4_write_begin", "tvfs::ext4_write_end", "tvfs::ext4_writepage"});
  }
}
