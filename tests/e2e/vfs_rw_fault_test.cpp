// The test VFS: everything repaired, at once and at random.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

TEST_CASE("mmap-rw-fault: silent, every byte right") {
  for (const char* faults_by : {"handler", "sigbus"}) check_fixed("mmap-rw-fault", "fixed", faults_by);
}

// Registered in CMakeLists.txt under the label of its kind; by hand: e2e_tests --no-skip -tc='stress: *'.
TEST_CASE("stress: reads and writes between mappings, four threads for ten seconds" * doctest::skip()) {
  for (const char* faults_by : {"handler", "sigbus"}) {
    INFO(faults_by);
    const Report report =
        scenario("mmap-rw-fault", "fixed", faults_by, 0, {"--threads", "4", "--seconds", "10"});
    if (report.json.is_null()) return;
    INFO(report.json.dump(2));
    CHECK(report.findings().empty());
    CHECK(report.summary().at("lost") == Json::object());
    CHECK(report.summary().at("warnings").empty());
    CHECK(report.summary().at("edges") > 0);
  }
}
