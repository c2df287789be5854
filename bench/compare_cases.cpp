// The cost of one operation: a program of cases (cases.h) native, under the empty preload, under Faultline
// and under the peers, interleaved.
//
//   compare_cases [--quick] [--rounds N] [--peers] [--options O] [--goal X] PROGRAM EMPTY_PRELOAD SHIM
//   [CASE...]
//
// Each run measures nine chunks of a millisecond and counts one (cases.h); each round gives one ratio of two
// such runs; the table shows the median of the ratios, and the quartiles of Faultline's. Many short runs and
// not few long ones: on a busy machine these repeat within 2 %, where those do not. --quick has fewer rounds:
// all cases within a minute. --peers adds PROGRAM_tsan (the same program built with ThreadSanitizer) and
// Helgrind, in one round.
//
// --options: of FAULTLINE_OPTIONS. --goal: of all cases, in the place of their own, which are for the default
// options.
//
// Before a number counts it is shown that the setup was what it claims: the program says which file its
// pthread_mutex_lock came from, and a watched run must have left a trace with at least one dependency.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "runner.h"
#include "statistics.h"

namespace {

using namespace faultline::bench;

struct Case {
  std::string name;
  int processors;
  double goal;  // as cases.h has it
  bool peers;
  std::string what;
};

constexpr int kRounds = 25;
constexpr int kQuickRounds = 15;

std::vector<Case> list_cases(Runner& runner, const std::string& program) {
  std::vector<Case> cases;
  std::istringstream lines(runner.run({.words = {program, "--list"}}, Native).output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Case c = {};
    std::string peers;
    std::getline(fields, c.name, '\t');
    fields >> c.processors >> c.goal >> peers >> std::ws;
    c.peers = peers == "all";
    std::getline(fields, c.what);
    cases.push_back(c);
  }
  return cases;
}

// Which file a program's pthread_mutex_lock must come from.
bool is_served_by(const Runner& runner, Setup setup, const std::string& file) {
  if (setup == Tsan) return file.starts_with("libtsan.so");
  // Valgrind exchanges the code of functions, not where they are found.
  if (setup == Native || setup == Helgrind) return file.starts_with("libc.so");
  return file == runner.library(setup);
}

std::optional<double> measure(Runner& runner, const std::string& program, const Case& c, Setup setup) {
  if (is_peer(setup) && !c.peers) return std::nullopt;
  const std::string file = setup == Tsan ? program + "_tsan" : program;
  const auto run = runner.try_run({.words = {file, c.name}, .processors = c.processors}, setup);
  if (!run) return std::nullopt;
  std::istringstream answer(run->output);
  double nanoseconds = 0;
  std::string object;
  answer >> nanoseconds >> std::ws;
  std::getline(answer, object);
  if (!is_served_by(runner, setup, std::filesystem::path(object).filename()))
    fatal(c.name + ", " + kSetupNames[setup] + ": pthread_mutex_lock came from " + object);
  if (setup == Watched && runner.last_trace().dependencies == 0)
    fatal(c.name + ": the shim recorded no dependency, though the program made one");
  return nanoseconds;
}

std::string cell(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string median_cell(const Rounds& times, Setup setup, const char* format) {
  const std::vector<double> values = ratios(times, setup, Native);
  return values.empty() ? "-" : cell(format, median(values));
}

void print_row(const Case& c, const Rounds& times) {
  const std::vector<double> watched = ratios(times, Watched, Native);
  const double low = quantile(watched, 0.25);
  std::string goal = "-";
  const char* mark = "";
  if (c.goal == 1) {
    goal = "noise";
    mark = low <= 1 ? "ok" : "over";
  } else if (c.goal > 0) {
    goal = cell("%.2f", c.goal);
    mark = median(watched) <= c.goal ? "ok" : "over";
  }
  std::printf("%-19s %9.2f %8s %12s %7.2f-%-6.2f %6s %-5s %7s %10s   %s\n", c.name.c_str(),
              median(times[Native]), median_cell(times, Empty, "%.2f").c_str(),
              median_cell(times, Watched, "%.2f").c_str(), low, quantile(watched, 0.75), goal.c_str(), mark,
              median_cell(times, Tsan, "%.1f").c_str(), median_cell(times, Helgrind, "%.0f").c_str(),
              c.what.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::string program;
  std::string empty;
  std::string shim;
  std::vector<std::string> wanted;
  bool quick = false;
  bool peers = false;
  int rounds = 0;
  std::string options;
  std::optional<double> goal;
  CLI::App app;
  app.add_option("--options", options);
  app.add_option("--goal", goal);
  app.add_flag("--quick", quick);
  app.add_flag("--peers", peers);
  app.add_option("--rounds", rounds)->check(CLI::PositiveNumber);
  app.add_option("PROGRAM", program)->required();
  app.add_option("EMPTY_PRELOAD", empty)->required();
  app.add_option("SHIM", shim)->required();
  app.add_option("CASE", wanted);
  CLI11_PARSE(app, argc, argv);

  if (rounds == 0) rounds = quick ? kQuickRounds : kRounds;
  Runner runner(empty, shim, options);
  std::vector<Case> cases = list_cases(runner, program);
  for (const std::string& name : wanted) {
    const auto has_name = [&](const Case& c) { return c.name == name; };
    if (std::none_of(cases.begin(), cases.end(), has_name))
      fatal("no case is named " + name + "; " + program + " --list names them");
  }

  std::printf("%-19s %9s %8s %12s %14s %6s %-5s %7s %10s   %s\n", "case", "native ns", "empty x",
              "faultline x", "quartiles", "goal", "", "tsan x", "helgrind x", "one operation is");
  for (Case& c : cases) {
    c.goal = goal.value_or(c.goal);
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), c.name) == wanted.end()) continue;
    print_row(c, interleaved(rounds, peers ? 1 : 0,
                             [&](Setup setup) { return measure(runner, program, c, setup); }));
  }
  return 0;
}
