// Page faults as waits: programs with a userfaultfd server of their own.
#include <doctest/doctest.h>

#include <algorithm>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The faults of a trace that happened: the `fault` of each dependency that has one.
std::vector<Json> faults_of(const Path& traces) {
  std::vector<Json> faults;
  for (const Path& trace : traces_in(traces))
    for (const Json& record : records_of(trace))
      if (record.contains("fault") && record.value("observed", true)) faults.push_back(record.at("fault"));
  return faults;
}

void check_faults(const Path& traces, const std::string& origin) {
  const std::vector<Json> faults = faults_of(traces);
  REQUIRE_FALSE(faults.empty());
  for (const Json& fault : faults) {
    CHECK(fault.at("origin") == origin);
    CHECK(fault.at("service") != 0);
    CHECK(std::stoull(fault.at("address").get<std::string>(), nullptr, 16) != 0);
  }
}

Expected through_the_fault(const std::string& holder) {
  return {.verdict = "feasible",
          .severity = "error",
          .orders = {{"table_lock", "transport_lock", holder, "fetch_page", "service"},
                     {"transport_lock", "table_lock", "reconnect", "reconnect"}}};
}

}  // namespace

TEST_CASE("lock held over a page fault whose server locks, against the other order: found") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/uffd_lock_under_fault")}, traces));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "read x\n");
  const Report report = analyze(traces);
  CHECK(report.status == 1);
  check_finding(only_finding(report), through_the_fault("read_entry"));
  check_faults(traces, "user");
}

TEST_CASE("lock held over a page fault whose server locks, the same order elsewhere: no cycle") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/uffd_lock_under_fault_clean")}, traces));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "read x\n");
  CHECK(analyze(traces).findings().empty());
  check_faults(traces, "user");
}

TEST_CASE("lock held over a write(2) from a served page: found") {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/uffd_kernel_copy")}, traces));
  if (skipped(outcome)) return;
  CHECK(outcome.out == "saved 4096\n");
  check_finding(only_finding(analyze(traces)), through_the_fault("save_entry"));
  check_faults(traces, "kernel-copy");
}
