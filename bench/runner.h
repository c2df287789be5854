// Runs a program native, under the empty preload, under Faultline or under a peer, and gives what it printed
// and cost. Nothing here is thread-safe; errors end the process with a message, as a benchmark with a hole in
// it is worth nothing. Peers alone may be absent.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "setup.h"

namespace faultline::bench {

// A program to run, and with what.
struct Command {
  std::vector<std::string> words;
  int processors = 2;           // pinned to that many, the last ones this process may use
  std::string input = {};       // file that is its standard input; empty: /dev/null
  bool discard_output = false;  // to /dev/null, for programs whose output is data
  bool discard_errors = false;  // for those that tell their progress on standard error; peers' always are

  // For servers: called with the process while the program runs, and not measured. When it returns, the
  // program is told to terminate (SIGTERM). False: the program did not serve, which is as if it had failed.
  std::function<bool(pid_t)> load = {};
};

// One run of a program that ended with status 0.
struct Run {
  std::string output;        // of its standard output
  double processor_seconds;  // user and system, all its threads
};

// Counters of the traces that a watched run left, over all its processes.
struct TraceStats {
  long threads;
  long locks;
  long dependencies;
};

class Runner {
 public:
  // `empty` and `shim` are the two preload libraries, `options` further ones of FAULTLINE_OPTIONS. Works in a
  // new folder under the system's temporary one, removed at the end: a path without spaces, which LD_PRELOAD
  // cannot have.
  Runner(const std::filesystem::path& empty, const std::filesystem::path& shim, std::string options = "");
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Nothing where a peer is not installed, cannot run this program, or needs more than twenty seconds
  // of processor time. Any other end but status 0 is fatal.
  std::optional<Run> try_run(const Command& command, Setup setup);

  // The same for a setup that is no peer.
  Run run(const Command& command, Setup setup);

  // What the last watched run left. Fatal where it left no trace: then the shim was not in its way and the
  // numbers mean nothing.
  TraceStats last_trace() const;

  // File name, without folder, of the library that `setup` preloads; empty for those that preload none.
  std::string library(Setup setup) const;

  // A folder for the files of the programs.
  const std::filesystem::path& scratch() const { return scratch_; }

 private:
  std::string options_;
  std::filesystem::path folder_;
  std::filesystem::path scratch_;
};

[[noreturn]] void fatal(const std::string& message);

}  // namespace faultline::bench
