// Storm mode: shared mappings fault again at outermost acquisitions, and no byte is lost (hostile_test has
// the rest of that).
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "report.h"

using namespace faultline::e2e;

namespace {

// What the last record of the trace says of the storm; null where none does.
Json storm_record(const Path& traces) {
  Json last;
  for (const Path& trace : traces_in(traces))
    for (const Json& record : records_of(trace))
      if (record.at("t") == "source" && record.at("name") == "storm") last = record;
  return last;
}

// "dropped 4096 bytes of shared mappings in 1 storms": the bytes.
unsigned long long dropped_bytes(const Path& traces) {
  const Json record = storm_record(traces);
  REQUIRE(record.is_object());
  CHECK(record.at("state") == "on");
  const std::string why = record.at("why");
  INFO(why);
  const std::string start = "dropped ";
  REQUIRE(why.starts_with(start));
  return std::stoull(why.substr(start.size()));
}

// The page in the memfd of storm_index, read twice. Nothing where it cannot run here.
bool read_index_page(const Arguments& how, const Path& traces, const std::string& options) {
  Arguments arguments = {program("shapes/storm_index")};
  arguments.insert(arguments.end(), how.begin(), how.end());
  const Outcome outcome = run(preloaded(arguments, traces, options));
  if (skipped(outcome)) return false;
  INFO(outcome.err);
  CHECK(outcome.out == "read x x, told of 0 removals\n");
  CHECK(outcome.status == 0);
  return true;
}

// The locks, by where they lie in the program, that were held over a fault on the page of storm_page. Nothing
// where page faults are not watched here.
std::optional<std::set<std::string>> locks_over_page_fault(const std::string& options) {
  const Path traces = work_dir() / "traces";
  const Outcome outcome = run(preloaded({program("shapes/storm_page")}, traces, options));
  INFO(outcome.out << outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.out.ends_with(" x x\n"));
  if (outcome.err.find("page faults are not watched") != std::string::npos) {
    skip(outcome.err);
    return std::nullopt;
  }
  const unsigned long long page = std::stoull(outcome.out, nullptr, 16);
  std::set<std::string> places;
  for (const Path& trace : traces_in(traces)) {
    std::map<int, std::uint64_t> static_place;  // of locks, which are known by where they lie
    std::map<int, int> lock_of;
    for (const Json& record : records_of(trace)) {
      if (record.at("t") == "lock" && record.contains("static"))
        static_place[record.at("id")] = record.at("static").at(1);
      if (record.at("t") == "held") lock_of[record.at("id")] = record.at("lock");
      if (record.at("t") != "dep" || record.at("cause") != "fault") continue;
      if (std::stoull(record.at("fault").at("address").get<std::string>(), nullptr, 16) != page) continue;
      CHECK(record.at("fault").at("origin") == "user");
      places.insert(std::to_string(static_place.at(lock_of.at(record.at("under")))));
    }
  }
  return places;
}

}  // namespace

TEST_CASE("storm: a page of a file touched under one lock and later under another: both wait for mmap_lock") {
  const std::optional<std::set<std::string>> locks = locks_over_page_fault("faults=storm");
  if (locks) CHECK(locks->size() == 2);
}

TEST_CASE("no storm: a page of a file touched under one lock and later under another: only the first waits") {
  const std::optional<std::set<std::string>> locks = locks_over_page_fault("faults=perf");
  if (locks) CHECK(locks->size() == 1);
}

TEST_CASE("storm: a page touched before is touched under the lock that its first fault takes: found") {
  const Path traces = work_dir() / "traces";
  if (!read_index_page({}, traces, "faults=storm")) return;
  const Json finding = only_finding(analyze(traces));
  check_finding(finding,
                {.verdict = "feasible",
                 .severity = "error",
                 .orders = {{"index_lock", "service(uffd)", "read_in_index", "read_in_index", "fault"},
                            {"service(uffd)", "index_lock", "serve", "enter_page", "call"}}});
  CHECK(dropped_bytes(traces) >= 4096);
}

TEST_CASE("no storm: a page touched before does not fault again: silent") {
  const Path traces = work_dir() / "traces";
  if (!read_index_page({}, traces, "")) return;
  CHECK(analyze(traces).findings().empty());
  CHECK(storm_record(traces).is_null());
}

TEST_CASE("storm: a page touched again under the lock it was touched under before: silent") {
  const Path traces = work_dir() / "traces";
  if (!read_index_page({"table"}, traces, "faults=storm")) return;
  const Report report = analyze(traces);
  CHECK(report.findings().empty());
  CHECK(report.summary().at("faults") >= 2);
}

TEST_CASE("storm: a userfaultfd that asks for events of removed memory: its process is left alone") {
  const Path traces = work_dir() / "traces";
  if (!read_index_page({"events"}, traces, "faults=storm")) return;
  CHECK(analyze(traces).findings().empty());
  const Json record = storm_record(traces);
  REQUIRE(record.is_object());
  CHECK(record.at("state") == "off");
}

TEST_CASE("storm: no more bytes per second than the budget allows") {
  constexpr double kMebibyte = 1 << 20;
  const auto run_with = [](const std::string& budget, double& seconds) {
    const Path traces = work_dir() / budget;
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome =
        run(preloaded({program("hostile/mapped_data")}, traces, "faults=storm:storm_budget=" + budget));
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    CHECK(outcome.status == 0);
    return static_cast<double>(dropped_bytes(traces));
  };
  double seconds = 0;
  const double little = run_with("1", seconds);
  CHECK(little > 0);
  CHECK(little <= (1 + seconds) * kMebibyte);
  const double much = run_with("64", seconds);
  CHECK(much > 4 * little);
  CHECK(much <= (8 + 64 * seconds) * kMebibyte);
}

TEST_CASE("storm: ext4-mmap-inline, all variants: the same verdicts, every byte right") {
  for (const char* variant : {"broken", "pre-mmap", "no-convert"}) {
    INFO(variant);
    const Path traces = work_dir() / variant;
    const Outcome outcome =
        run(preloaded({program("vfs/tvfs"), "ext4-mmap-inline", std::string("--variant=") + variant}, traces,
                      "faults=storm"));
    if (skipped(outcome)) return;
    CHECK(outcome.out.starts_with("data: ok"));
    CHECK(outcome.status == 0);
    const Report report = analyze(traces);
    CHECK(report.of_severity("warning").empty());
    const std::vector<Json> errors = report.of_severity("error");
    CHECK(dropped_bytes(traces) > 0);
    if (std::string(variant) != "broken") {
      CHECK(errors.empty());
    } else {
      REQUIRE(errors.size() == 1);
      CHECK(errors[0].at("title") == "inode_lock -> mmap_lock -> inode_lock");
      CHECK(errors[0].at("verdict") == "feasible");
    }
  }
}

TEST_CASE("storm: ext4-mmap-inline on four pairs of threads for a second: every byte right") {
  for (const char* variant : {"pre-mmap", "no-convert"}) {
    INFO(variant);
    const Path traces = work_dir() / variant;
    const Outcome outcome = run(preloaded({program("vfs/tvfs"), "ext4-mmap-inline",
                                           std::string("--variant=") + variant, "--threads=4", "--seconds=1"},
                                          traces, "faults=storm"));
    if (skipped(outcome)) return;
    CHECK(outcome.out.starts_with("data: ok"));
    CHECK(outcome.status == 0);
    check_silent(analyze(traces));
    CHECK(dropped_bytes(traces) > 0);
  }
}

TEST_CASE("storm: every fixed variant of every scenario: every byte right") {
  // "SCENARIO: what it is", then "  VARIANT fixed|broken what to expect" for each.
  std::istringstream list(run({.arguments = {program("vfs/tvfs"), "--list"}, .environment = {}}).out);
  std::string scenario;
  int ran = 0;
  for (std::string line; std::getline(list, line);) {
    if (!line.starts_with(' ')) {
      scenario = line.substr(0, line.find(':'));
      continue;
    }
    std::istringstream words(line);
    std::string variant, state;
    words >> variant >> state;
    if (state != "fixed") continue;
    INFO(scenario << " " << variant);
    const Outcome outcome = run(preloaded({program("vfs/tvfs"), scenario, "--variant=" + variant},
                                          work_dir() / (scenario + "-" + variant), "faults=storm"));
    if (skipped(outcome)) return;
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find("data: ok") != std::string::npos);
    ++ran;
  }
  CHECK(ran >= 10);
}
