// The cost to whole programs: processor time native, under the empty preload, under Faultline and under the
// peers, interleaved.
//
//   compare_programs [--rounds N] [--options O] [--goal X] EMPTY_PRELOAD SHIM INPUT [PROGRAM...]
//
// Processor time and not wall time: it is what a busy machine pays, and it depends less on how threads happen
// to meet. Each round gives one ratio of Faultline to the empty preload; the table shows their median with an
// interval that holds the true median at 95 %, and calls the cost unresolved where that interval holds 1. The
// peers have one round of little work; their ratio, to native on the same work, includes their start.
//
// --options: of FAULTLINE_OPTIONS. --goal: of all programs, and to native, in the place of their own.
//
// A watched run must have left a trace with two threads or more and at least one dependency, or, where the
// program never nests locks, acquisitions (of a program that has one thread, a trace): else the shim was not
// in its way, and that is fatal.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "programs.h"
#include "runner.h"
#include "statistics.h"

namespace {

using namespace faultline::bench;

constexpr std::size_t kExcerptBytes = 1 << 20;

std::filesystem::path excerpt_of(const std::filesystem::path& input, const std::filesystem::path& folder) {
  std::string text(kExcerptBytes, '\0');
  std::ifstream source(input, std::ios::binary);
  source.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(source.gcount()));
  if (text.empty()) fatal("cannot read " + input.string());
  std::filesystem::path excerpt = folder / "excerpt";
  std::ofstream(excerpt, std::ios::binary) << text;
  return excerpt;
}

bool is_installed(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::filesystem::exists(name);
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (std::filesystem::exists(std::filesystem::path(folder) / name)) return true;
  }
  return false;
}

std::optional<double> measure(Runner& runner, const Program& program, const Place& place, Size size,
                              Setup setup) {
  Command command = program.command(place, size);
  if (setup == Tsan) {
    if (program.rebuilt == nullptr) return std::nullopt;
    command.words[0] = place.build / program.rebuilt;
  }
  const auto run = runner.try_run(command, setup);
  if (!run) return std::nullopt;
  if (setup == Watched) {
    const TraceStats seen = runner.last_trace();
    if (program.threads < 2) return run->processor_seconds;
    if (seen.threads < 2) fatal(std::string(program.name) + ": the shim saw no second thread");
    if (seen.dependencies == 0 && seen.locks == 0)
      fatal(std::string(program.name) + ": the shim saw no lock");
  }
  return run->processor_seconds;
}

// `ratio` must lie within the goal; what cannot be told from no cost at all is said to be so.
std::string mark(double goal, double ratio, const Interval& interval) {
  const bool unresolved = interval.low <= 1 && 1 <= interval.high;
  if (goal == 0) return unresolved ? "unresolved" : "";
  if (unresolved) return interval.high <= goal ? "ok, unresolved" : "unresolved";
  return ratio <= goal ? "ok" : "over";
}

std::string cell(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string peer_cell(const Rounds& times, Setup setup) {
  const std::vector<double> values = ratios(times, setup, Native);
  return values.empty() ? "-" : cell("%.1f", median(values));
}

void compare(Runner& runner, const Program& program, const Place& place, int rounds,
             std::optional<double> goal_to_native) {
  const std::string executable = program.command(place, Size::Full).words[0];
  if (!is_installed(executable)) {
    std::printf("%-17s skipped: %s is not installed\n", program.name, executable.c_str());
    return;
  }
  measure(runner, program, place, Size::Full, Native);  // brings program and input into the page cache
  const auto full = [&](Setup setup) { return measure(runner, program, place, Size::Full, setup); };
  const auto little = [&](Setup setup) -> std::optional<double> {
    if (setup == Empty || setup == Watched) return std::nullopt;
    return measure(runner, program, place, Size::Little, setup);
  };
  const Rounds times = interleaved(rounds, 0, full);
  const Rounds peer_times = interleaved(1, 1, little);

  const std::vector<double> to_empty = ratios(times, Watched, Empty);
  const double goal = goal_to_native.value_or(program.goal);
  const double measured = goal_to_native ? median(ratios(times, Watched, Native)) : median(to_empty);
  const Interval interval = median_interval(to_empty);
  std::printf("%-17s %8.3f %8.3f %12.3f %9.3f %7.3f-%-6.3f %5s %-14s %7s %10s\n", program.name,
              median(times[Native]), median(ratios(times, Empty, Native)),
              median(ratios(times, Watched, Native)), median(to_empty), interval.low, interval.high,
              goal > 0 ? cell("%.2f", goal).c_str() : "-", mark(goal, measured, interval).c_str(),
              peer_cell(peer_times, Tsan).c_str(), peer_cell(peer_times, Helgrind).c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::string empty;
  std::string shim;
  std::string input;
  std::vector<std::string> wanted;
  int rounds = 15;
  std::string options;
  std::optional<double> goal;
  CLI::App app;
  app.add_option("--options", options);
  app.add_option("--goal", goal);
  app.add_option("--rounds", rounds)->check(CLI::PositiveNumber);
  app.add_option("EMPTY_PRELOAD", empty)->required();
  app.add_option("SHIM", shim)->required();
  app.add_option("INPUT", input)->required();
  app.add_option("PROGRAM", wanted);
  CLI11_PARSE(app, argc, argv);

  Runner runner(empty, shim, options);
  const Place place = {.build = std::filesystem::read_symlink("/proc/self/exe").parent_path(),
                       .scratch = runner.scratch(),
                       .input = input,
                       .excerpt = excerpt_of(input, runner.scratch())};
  for (const std::string& name : wanted) {
    const auto has_name = [&](const Program& program) { return program.name == name; };
    if (std::none_of(programs().begin(), programs().end(), has_name)) fatal("no program is named " + name);
  }
  std::printf("%-17s %8s %8s %12s %9s %14s %5s %-14s %7s %10s\n", "program", "native s", "empty x",
              "faultline x", "to empty", "95 %", "goal", "", "tsan x", "helgrind x");
  for (const Program& program : programs()) {
    const bool is_named = std::find(wanted.begin(), wanted.end(), program.name) != wanted.end();
    if (wanted.empty() ? program.threads < 2 : !is_named) continue;
    compare(runner, program, place, rounds, goal);
  }
  return 0;
}
