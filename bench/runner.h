// Runs a program native, under the empty preload and under Faultline, side by side, and reduces the numbers
// to ratios.
//
// Method: within one round every setup runs once, and the order turns around every round, so that drift of
// the machine (frequency, neighbours) meets all setups alike. What is compared are the ratios *within* a
// round; their median over the rounds is the result. Nothing here is thread-safe; errors end the process with
// a message, as a benchmark with a hole in it is worth nothing.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace faultline::bench {

enum Setup { Native, Empty, Watched };
inline constexpr std::array<const char*, 3> kSetupNames = {"native", "empty", "faultline"};
inline constexpr int kSetups = 3;

// One run of a program that ended with status 0; any other end is fatal.
struct Run {
  std::string output;        // of its standard output
  double processor_seconds;  // user and system, all its threads
  double wall_seconds;
};

// Counters of the trace that a watched run left.
struct TraceStats {
  long threads;
  long dependencies;
};

class Runner {
 public:
  // `empty` and `shim` are the two preload libraries. Works in a new folder under the system's temporary one,
  // removed at the end: a path without spaces, which LD_PRELOAD cannot have.
  Runner(const std::filesystem::path& empty, const std::filesystem::path& shim);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Runs `command`, pinned to the last `processors` processors this process may use, with `input` as its
  // standard input (empty: /dev/null). `discard_output`: to /dev/null, for programs whose output is data.
  Run run(const std::vector<std::string>& command, Setup setup, int processors, const std::string& input = "",
          bool discard_output = false);

  // What the last watched run left. Fatal where it left no trace: then the shim was not in its way and the
  // numbers mean nothing.
  TraceStats last_trace() const;

  // File name, without folder, of the library that `setup` preloads; empty for Native.
  std::string library(Setup setup) const;

 private:
  std::filesystem::path folder_;
};

// The values of one quantity, by setup, one per round.
using Rounds = std::array<std::vector<double>, kSetups>;

double median(std::vector<double> values);

// The median and the quartiles of the per-round ratios of two setups.
struct Ratio {
  double median;
  double low;
  double high;
};
Ratio ratio(const Rounds& rounds, Setup setup, Setup base);

// The median of the per-round differences of two setups.
double difference(const Rounds& rounds, Setup setup, Setup base);

// Calls `measure(setup)` for every setup in every round, turning the order around each time.
template <class Measure>
Rounds interleaved(int rounds, Measure measure) {
  Rounds values;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < kSetups; ++i) {
      const auto setup = static_cast<Setup>(round % 2 == 0 ? i : kSetups - 1 - i);
      values[setup].push_back(measure(setup));
    }
  }
  return values;
}

[[noreturn]] void fatal(const std::string& message);

}  // namespace faultline::bench
