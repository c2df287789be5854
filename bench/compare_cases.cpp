// The cost of one operation: a program of cases (cases.h) native, under the empty preload and under
// Faultline.
//
//   compare_cases [--rounds N] PROGRAM EMPTY_PRELOAD SHIM [CASE...]
//
// Before a number counts it is shown that the setup was what it claims: the program says which file its
// pthread_mutex_lock came from, and a watched run must have left a trace with at least one dependency.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "runner.h"

namespace {

using namespace faultline::bench;

struct Case {
  std::string name;
  int processors;
  std::string what;
};

std::vector<Case> list_cases(Runner& runner, const std::string& program) {
  std::vector<Case> cases;
  std::istringstream lines(runner.run({program, "--list"}, Native, 1).output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Case c = {};
    words >> c.name >> c.processors >> std::ws;
    std::getline(words, c.what);
    cases.push_back(c);
  }
  return cases;
}

double measure(Runner& runner, const std::string& program, const Case& c, Setup setup) {
  std::istringstream answer(runner.run({program, c.name}, setup, c.processors).output);
  double nanoseconds = 0;
  std::string object;
  answer >> nanoseconds >> std::ws;
  std::getline(answer, object);
  const std::string served_by = std::filesystem::path(object).filename();
  const bool expected =
      setup == Native ? served_by.starts_with("libc.so") : served_by == runner.library(setup);
  if (!expected) fatal(c.name + ", " + kSetupNames[setup] + ": pthread_mutex_lock came from " + object);
  if (setup == Watched && runner.last_trace().dependencies == 0)
    fatal(c.name + ": the shim recorded no dependency, though the program made one");
  return nanoseconds;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  int rounds = 7;
  if (arguments.size() >= 2 && arguments[0] == "--rounds") {
    rounds = std::atoi(arguments[1].c_str());
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() < 3 || rounds < 1)
    fatal("usage: compare_cases [--rounds N] PROGRAM EMPTY_PRELOAD SHIM [CASE...]");
  const std::string program = arguments[0];
  Runner runner(arguments[1], arguments[2]);
  const std::vector<std::string> wanted(arguments.begin() + 3, arguments.end());

  const std::vector<Case> cases = list_cases(runner, program);
  for (const std::string& name : wanted) {
    const auto found =
        std::find_if(cases.begin(), cases.end(), [&](const Case& c) { return c.name == name; });
    if (found == cases.end()) fatal("no case is named " + name + "; " + program + " --list names them");
  }

  std::printf("%-19s %9s %8s %10s %8s %9s %15s   %s\n", "case", "native ns", "empty x", "faultline x", "+ns",
              "to empty", "quartiles", "one operation is");
  for (const Case& c : cases) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), c.name) == wanted.end()) continue;
    const Rounds times = interleaved(rounds, [&](Setup setup) { return measure(runner, program, c, setup); });
    const Ratio watched = ratio(times, Watched, Native);
    std::printf("%-19s %9.2f %8.2f %11.2f %8.2f %9.2f %7.2f-%-7.2f   %s\n", c.name.c_str(),
                median(times[Native]), ratio(times, Empty, Native).median, watched.median,
                difference(times, Watched, Native), ratio(times, Watched, Empty).median, watched.low,
                watched.high, c.what.c_str());
    std::fflush(stdout);
  }
  return 0;
}
