// `faultline doctor`: one line for each thing Faultline relies on.
#include <doctest/doctest.h>

#include <sstream>

#include "report.h"

using namespace faultline::e2e;

namespace {

struct Line {
  std::string name;
  std::string state;
  std::string rest;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  for (std::string whole; std::getline(in, whole);) {
    std::istringstream words(whole);
    Line& line = lines.emplace_back();
    words >> line.name >> line.state >> std::ws;
    std::getline(words, line.rest);
  }
  return lines;
}

std::string names_of(const std::vector<Line>& lines) {
  std::string names;
  for (const Line& line : lines) names += line.name + ' ';
  return names;
}

}  // namespace

TEST_CASE("doctor: where programs can be watched") {
  std::filesystem::create_directory(work_dir() / "tmp");
  Command command = faultline_command({"doctor"});
  command.environment = {"TMPDIR=" + (work_dir() / "tmp").string()};
  const Outcome outcome = run(command);
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  const std::vector<Line> lines = lines_of(outcome.out);
  REQUIRE(names_of(lines) == "preload stacks libc perf userfaultfd symbols traces sandbox ");
  CHECK(lines[0].state == "works");
  CHECK(lines[0].rest == FAULTLINE_PRELOAD);
  CHECK(lines[1].state == "works");
  CHECK(lines[1].rest == "by libunwind");
  CHECK(lines[2].state == "works");
  CHECK(lines[6].state == "works");
  CHECK(lines[6].rest == work_dir().string() + "/ can be written");
  for (const Line& line : lines) {
    INFO(line.name);
    CHECK((line.state == "works" || line.state == "partly" || line.state == "missing"));
    CHECK((line.state == "works") == (line.rest.find(". Lost: ") == std::string::npos));
  }
  // It leaves nothing behind.
  CHECK(std::filesystem::is_empty(work_dir() / "tmp"));
  CHECK_FALSE(std::filesystem::exists(work_dir() / "faultline-out"));
}

TEST_CASE("doctor: where the library does not work") {
  Command command = faultline_command({"doctor"});
  command.environment = {"FAULTLINE_PRELOAD_LIBRARY=" + program("shapes/abba")};
  const Outcome outcome = run(command);
  INFO(outcome.out);
  CHECK(outcome.status == 1);
  const std::vector<Line> lines = lines_of(outcome.out);
  REQUIRE(names_of(lines) == "preload libc perf userfaultfd symbols traces sandbox ");
  CHECK(lines[0].state == "missing");
  CHECK(lines[0].rest == "`true` left no trace under " + program("shapes/abba") +
                             ". Lost: everything: no program can be watched here");
}

TEST_CASE("doctor: where no trace can be written") {
  std::filesystem::create_directory(work_dir() / "gone");
  const Outcome outcome =
      run({.arguments = {"sh", "-c", "cd gone && rmdir ../gone && exec " FAULTLINE_COMMAND " doctor"},
           .environment = {}});
  INFO(outcome.out);
  CHECK(outcome.status == 0);
  const std::vector<Line> lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 8);
  CHECK(lines[6].state == "missing");
  CHECK(lines[6].rest.ends_with(
      "No such file or directory. Lost: traces, unless -o or out= names another folder"));
}
