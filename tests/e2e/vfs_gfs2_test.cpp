// The test file system: gfs2's glocks, held over copies that fault.
#include <doctest/doctest.h>

#include "vfs_scenario.h"

using namespace faultline::e2e;

namespace {

std::size_t count_origin(const std::vector<Json>& edges, const std::string& origin) {
  return static_cast<std::size_t>(std::count_if(edges.begin(), edges.end(), [&](const Json& edge) {
    return edge.at("cause") == "fault" && edge.at("fault").at("origin") == origin;
  }));
}

}  // namespace

TEST_CASE("gfs2-abba, broken: two glocks of one class through the fault, and the serial server") {
  const Report report = run_scenario("gfs2-abba", {"--variant=broken"});
  if (report.json.is_null()) return;
  CHECK(report.of_severity("error").size() == 2);

  const Json glocks = error_titled(report, "glock -> glock -> glock");
  check_finding(glocks,
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"glock", "glock", "tvfs::gfs2_file_write", "tvfs::gfs2_fault", "service"}}});
  REQUIRE(glocks.at("locks").size() == 2);
  CHECK(glocks.at("locks")[0].at("id") != glocks.at("locks")[1].at("id"));
  std::vector<std::string> threads;
  for (const Json& edge : glocks.at("edges")) {
    CHECK(edge.at("held_mode") == "exclusive");
    CHECK(edge.at("mode") == "shared");
    CHECK(edge.at("via").at("thread").at("name") == "fault-handler");
    CHECK(passes_through(edge, "mmap_lock", "shared"));
    if (!edge.at("alternative")) threads.push_back(edge.at("thread").at("name"));
  }
  std::sort(threads.begin(), threads.end());
  CHECK(threads == std::vector<std::string>{"first", "second"});

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
  CHECK(count_origin(faults, "user") > 0);
  CHECK(count_origin(faults, "kernel-copy") > 0);
}
