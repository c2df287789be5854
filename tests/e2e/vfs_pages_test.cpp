// The test VFS: who may map a page, and who must be told before one becomes dirty.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

// The page was dirtied by a pin, in `by`, whose file system was told by `told_in` ("": never), which the page
// cleaner has undone.
void check_dirtied(const std::string& name, const std::string& variant, const std::string& by,
                   const std::string& told_in) {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Report report = scenario(name, variant, faults_by);
    if (report.json.is_null()) return;
    CHECK(report.of_severity("warning").empty());
    const Json finding = only_of(report, "error");
    INFO(finding.dump(2));
    CHECK(finding.at("kind") == "assertion");
    CHECK(finding.at("verdict").is_null());
    CHECK(finding.at("title") == (told_in.empty()
                                      ? "write notification: not given at tvfs::set_page_dirty"
                                      : "write notification: revoked before tvfs::set_page_dirty"));
    const Json& sites = finding.at("sites");
    REQUIRE(sites.size() == (told_in.empty() ? 1 : 3));
    CHECK(sites.at(0).at("action") == "assert");
    CHECK(has_function(sites.at(0).at("at"), by));
    CHECK(classes_held(finding, sites.at(0)) == Names{"page_lock"});
    if (told_in.empty()) continue;
    CHECK(sites.at(1).at("action") == "give");
    CHECK(has_function(sites.at(1).at("at"), told_in));
    CHECK(sites.at(2).at("action") == "revoke");
    CHECK(has_function(sites.at(2).at("at"), "tvfs::vfs_writeback"));
    CHECK(sites.at(2).at("thread").at("name") == "cleaner");
  }
}

}  // namespace

TEST_CASE("xfs-punch-mappages, broken: page->mapping is looked at unguarded, and a freed page is mapped") {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    // That the page is mapped after it left the cache is a check of the program itself.
    const Report report = scenario("xfs-punch-mappages", "broken", faults_by);
    if (report.json.is_null()) return;
    CHECK(report.of_severity("warning").empty());
    const Json finding = only_of(report, "error");
    INFO(finding.dump(2));
    CHECK(finding.at("kind") == "unguarded");
    CHECK(finding.at("verdict").is_null());
    CHECK(finding.at("title") ==
          "page->mapping: tvfs::delete_from_page_cache writes, tvfs::page_in_cache reads");
    REQUIRE(finding.at("sites").size() == 2);
    const Json& write = finding.at("sites").at(0);
    CHECK(has_function(write.at("at"), "tvfs::xfs_free_file_space"));
    CHECK(classes_held(finding, write) == Names{"IOLOCK", "XFS_MMAPLOCK", "page_lock"});
    const Json& read = finding.at("sites").at(1);
    CHECK(has_function(read.at("at"), "tvfs::xfs_map_indexed_pages"));
    CHECK(classes_held(finding, read) == Names{"mmap_lock"});
  }
}

TEST_CASE("gup-dirty, broken: a remote write dirties a page nobody announced") {
  check_dirtied("gup-dirty", "broken", "tvfs::remote_write", "");
}

TEST_CASE("gup-dirty, mkwrite-only: announced at the pin, and cleaned before the dirtying") {
  check_dirtied("gup-dirty", "mkwrite-only", "tvfs::remote_write", "tvfs::PinnedPage::pin_user_pages_remote");
}

TEST_CASE("dio-dirty, broken: announced by the fault, cleaned, and dirtied again by the completion") {
  check_dirtied("dio-dirty", "broken", "tvfs::dio_bio_complete", "tvfs::do_user_addr_fault");
}

TEST_CASE("xfs-punch-mappages, fixed: silent, by a trylock and by MMAPLOCK") {
  for (const char* variant : {"trylock", "mmaplock"})
    for (const char* faults_by : {"handler", "sigbus"}) check_fixed("xfs-punch-mappages", variant, faults_by);
}

TEST_CASE("gup-dirty, fixed: silent, by a write_begin pair and by a pin that keeps write-back off") {
  for (const char* variant : {"write-begin", "mkwrite-pin"})
    for (const char* faults_by : {"handler", "sigbus"}) check_fixed("gup-dirty", variant, faults_by);
}

TEST_CASE("dio-dirty, fixed: silent, by a pin that keeps write-back off") {
  for (const char* faults_by : {"handler", "sigbus"}) check_fixed("dio-dirty", "mkwrite-pin", faults_by);
}
