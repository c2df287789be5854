// The cost to whole programs that are not ours: processor time native, under the empty preload and under
// Faultline.
//
//   compare_programs [--rounds N] EMPTY_PRELOAD SHIM INPUT "COMMAND"...
//
// Each COMMAND is a filter, run by its words, that reads INPUT and writes data. Processor time and not wall
// time: it is what a busy machine pays, and it does not depend on how threads happen to meet.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "runner.h"
#include "statistics.h"

int main(int argc, char** argv) {
  using namespace faultline::bench;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  int rounds = 11;
  if (arguments.size() >= 2 && arguments[0] == "--rounds") {
    rounds = std::atoi(arguments[1].c_str());
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.size() < 4 || rounds < 1)
    fatal("usage: compare_programs [--rounds N] EMPTY_PRELOAD SHIM INPUT \"COMMAND\"...");
  Runner runner(arguments[0], arguments[1]);
  const std::string input = arguments[2];

  std::printf("%-40s %10s %8s %12s %13s %15s\n", "program", "native s", "empty x", "faultline x", "to empty",
              "quartiles");
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    std::istringstream text(arguments[i]);
    std::vector<std::string> command;
    for (std::string word; text >> word;) command.push_back(word);
    const Command filter = {.words = command, .input = input, .discard_output = true};
    runner.run(filter, Native);  // brings program and input into the page cache
    const Rounds times = interleaved(rounds, 0, [&](Setup setup) -> std::optional<double> {
      const Run run = *runner.run(filter, setup);
      if (setup == Watched && runner.last_trace().threads < 2)
        fatal(command[0] + ": the shim saw no second thread");
      return run.processor_seconds;
    });
    const std::vector<double> to_empty = ratios(times, Watched, Empty);
    std::printf("%-40s %10.3f %8.3f %12.3f %13.3f %7.3f-%-7.3f\n", arguments[i].c_str(),
                median(times[Native]), median(ratios(times, Empty, Native)),
                median(ratios(times, Watched, Native)), median(to_empty), quantile(to_empty, 0.25),
                quantile(to_empty, 0.75));
    std::fflush(stdout);
  }
  return 0;
}
