// The library itself: that it stands in front of what it says, and brings nothing along.
#include <doctest/doctest.h>

#include <set>
#include <sstream>

#include "report.h"

using namespace faultline::e2e;

namespace {

std::set<std::string> function_table() {
  return {
#define FUNCTION(name, version) #name,
#define LATER(name) #name,
#define ALIAS(alias, name) #alias,
#define OBJECT(name) #name,
#include "functions.def"
  };
}

std::set<std::string> exported_symbols() {
  const Outcome outcome = run(
      {.arguments = {"nm", "-D", "--defined-only", "--format=posix", FAULTLINE_PRELOAD}, .environment = {}});
  REQUIRE(outcome.status == 0);
  std::set<std::string> names;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) names.insert(line.substr(0, line.find(' ')));
  return names;
}

std::string in_first_only(const std::set<std::string>& first, const std::set<std::string>& second) {
  std::string names;
  for (const std::string& name : first)
    if (!second.contains(name)) names += name + ' ';
  return names;
}

}  // namespace

TEST_CASE("interposition is alive: a trace with locks in it") {
  const Path traces = work_dir() / "traces";
  REQUIRE(run(preloaded({program("shapes/abba")}, traces)).status == 0);
  REQUIRE(traces_in(traces).size() == 1);
  const std::vector<Json> records = records_of(traces_in(traces)[0]);
  CHECK(records.at(0).at("t") == "trace");
  CHECK(records.at(1).at("t") == "stats");
  CHECK(records.at(1).at("locks") == 2);
  CHECK(records.at(1).at("dependencies") == 2);
  CHECK(records.back().at("t") == "end");
}

TEST_CASE("call stacks: walked by libunwind where it is installed, to the start of the thread") {
  const Path traces = work_dir() / "traces";
  REQUIRE(run(preloaded({program("shapes/abba")}, traces)).status == 0);
  std::string unwinder;
  std::size_t stacks = 0;
  for (const Json& record : records_of(traces_in(traces).at(0))) {
    if (record.at("t") == "source" && record.at("name") == "stacks") unwinder = record.at("why");
    if (record.at("t") != "stack") continue;
    ++stacks;
    CHECK(record.at("by") == "unwind");
    CHECK(record.at("frames").size() >= 4);  // the lock's user, the thread's function, and what started it
  }
  CHECK(unwinder == "libunwind");
  CHECK(stacks > 0);
}

TEST_CASE("locks that two threads meet at once for the first time: one identity each, none unknown") {
  const Report report = observe("shapes/met_at_once");
  CHECK(report.findings().empty());
  CHECK(report.summary().at("locks") == 5'002);
  CHECK(report.summary().at("edges") == 10'000);
}

TEST_CASE("call stacks that four threads come to at once: each defined once") {
  const Report report = observe("shapes/many_places");
  CHECK(report.text == "");
  CHECK(report.summary().at("edges") == 128);
  std::set<std::string> ids;
  std::set<std::string> frames;
  std::size_t stacks = 0;
  for (const Json& record : records_of(traces_in(work_dir() / "traces").at(0))) {
    if (record.at("t") != "stack") continue;
    ++stacks;
    ids.insert(record.at("id").dump());
    frames.insert(record.at("frames").dump());
  }
  CHECK(stacks == 2 * 128);
  CHECK(ids.size() == stacks);
  CHECK(frames.size() == stacks);
}

TEST_CASE("exported symbols: exactly the function table") {
  const std::set<std::string> table = function_table();
  const std::set<std::string> exported = exported_symbols();
  CHECK(in_first_only(table, exported) == "");
  CHECK(in_first_only(exported, table) == "");
}

TEST_CASE("needed libraries: nothing that could replace the program's own unwinder or C++ runtime") {
  const Outcome outcome = run({.arguments = {"readelf", "-d", "-W", FAULTLINE_PRELOAD}, .environment = {}});
  REQUIRE(outcome.status == 0);
  for (const char* library : {"libunwind", "libgcc_s", "libstdc++"}) {
    INFO(outcome.out);
    CHECK(outcome.out.find(library) == std::string::npos);
  }
}
