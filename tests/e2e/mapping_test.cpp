// The calls that change a process's memory mappings: what is held over them waits for mmap_lock.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>

#include "report.h"

using namespace faultline::e2e;

namespace {

// The dependencies of cause `mmap` in the traces, by the name of the innermost lock that was held:
// "exclusive", "shared-fair", "exclusive, may".
std::map<std::string, std::set<std::string>> mapping_changes(const Path& traces) {
  std::map<std::string, std::set<std::string>> changes;
  for (const Path& trace : traces_in(traces)) {
    std::map<int, std::string> names, kinds;
    std::map<int, int> lock_of;
    for (const Json& record : records_of(trace)) {
      if (record.at("t") == "lock") kinds[record.at("id")] = record.at("kind");
      if (record.at("t") == "name") names[record.at("lock")] = record.at("name");
      if (record.at("t") == "held") lock_of[record.at("id")] = record.at("lock");
      if (record.at("t") != "dep" || record.at("cause") != "mmap") continue;
      CHECK(kinds.at(record.at("to")) == "mmap_lock");
      CHECK(record.at("under") != 0);
      CHECK_FALSE(record.contains("fault"));
      const bool observed = record.value("observed", true);
      changes[names.at(lock_of.at(record.at("under")))].insert(record.at("mode").get<std::string>() +
                                                               (observed ? "" : ", may"));
    }
  }
  return changes;
}

std::map<std::string, std::set<std::string>> changes_of_run(const Arguments& arguments) {
  const Path traces = work_dir() / "traces";
  Arguments all = {program("shapes/mapping_calls")};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome outcome = run(preloaded(all, traces));
  CHECK(outcome.out == "done\n");
  CHECK(outcome.status == 0);
  CHECK(analyze(traces).findings().empty());
  return mapping_changes(traces);
}

}  // namespace

TEST_CASE("lock held over a change of the mappings: waits for mmap_lock, exclusively where the kernel does") {
  const std::map<std::string, std::set<std::string>> expected = {
      {"mmap", {"exclusive"}},          {"munmap", {"exclusive"}},
      {"mremap", {"exclusive"}},        {"mprotect", {"exclusive"}},
      {"pkey_mprotect", {"exclusive"}}, {"madvise", {"exclusive"}},
      {"posix_madvise", {"exclusive"}}, {"madvise_dontneed", {"shared-fair"}},
      {"brk", {"exclusive"}},           {"sbrk", {"exclusive"}},
      {"mlock", {"exclusive"}},         {"mlock2", {"exclusive"}},
      {"munlock", {"exclusive"}},       {"munlockall", {"exclusive"}},
      {"fork", {"exclusive"}},          {"pthread_create", {"exclusive, may"}},
      {"dlopen", {"exclusive, may"}},   {"dlclose", {"exclusive, may"}}};
  CHECK(changes_of_run({}) == expected);
}

TEST_CASE("lock released before a change of the mappings: no dependency") {
  CHECK(changes_of_run({"free"}).empty());
}

TEST_CASE(
    "lock held over a change of the mappings by a program with an mmap_lock of its own: no dependency") {
  CHECK(changes_of_run({"declared"}).empty());
}

namespace {

// What malloc_under_lock left, with the rings of faults=perf. Skipped where there are none: then nothing.
std::optional<std::map<std::string, std::set<std::string>>> changes_inside_malloc(
    const Arguments& arguments) {
  const Path traces = work_dir() / "traces";
  Arguments all = {program("shapes/malloc_under_lock")};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome outcome = run(preloaded(all, traces, "faults=perf"));
  CHECK(outcome.out == "allocated\n");
  if (outcome.err.find("page faults are not watched") != std::string::npos) {
    skip(outcome.err);
    return std::nullopt;
  }
  CHECK(analyze(traces).findings().empty());
  return mapping_changes(traces);
}

}  // namespace

TEST_CASE("lock held over a malloc that maps memory: waits for mmap_lock, as the perf ring tells") {
  const auto changes = changes_inside_malloc({});
  if (!changes) return;
  const std::map<std::string, std::set<std::string>> expected = {{"heap_lock", {"exclusive"}}};
  CHECK(*changes == expected);
}

TEST_CASE("lock taken after a malloc that maps memory: no dependency") {
  const auto changes = changes_inside_malloc({"before"});
  if (changes) CHECK(changes->empty());
}

TEST_CASE("readers of the program's own mmap_lock, one by a fault, and a third thread that maps: found") {
  const Report report = observe("shapes/mmap_lock_readers", Arguments{"maps"});
  if (report.json.is_null()) return;
  const Json finding = only_finding(report);
  check_finding(finding, {.verdict = "feasible",
                          .severity = "error",
                          .orders = {{"mmap_lock", "page_lock", "walk_pages", "walk_pages"},
                                     {"page_lock", "mmap_lock", "read_page", "read_page", "fault"}}});
  for (const Json& edge : edges_between(finding, "page_lock", "mmap_lock"))
    CHECK(edge.at("mode") == "shared");
}

TEST_CASE("readers of the program's own mmap_lock, one by a fault, and nobody who maps: compatible") {
  const Report report = observe("shapes/mmap_lock_readers");
  if (report.json.is_null()) return;
  check_finding(only_finding(report),
                {.verdict = "compatible",
                 .severity = "note",
                 .orders = {{"mmap_lock", "page_lock", "walk_pages", "walk_pages"},
                            {"page_lock", "mmap_lock", "read_page", "read_page", "fault"}}});
}
