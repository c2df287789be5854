// FAULTLINE_OPTIONS: `key=value:key=value`, as the sanitizers' variables. Read once, by the constructor;
// constant after.
#pragma once

namespace faultline {

enum class Faults { Auto, Perf, Uffd, Off, Storm };

// What a deadlock that has happened comes to.
enum class OnDeadlock { Report, Kill };

struct Options {
  char out[4096];  // directory of the trace, absolute
  char run[64];    // id of the run, for `faultline run`
  // Globs over the executable's path or name (sys/glob.h); empty: all programs, none.
  char include[1024];     // only these are watched
  char exclude[1024];     // these are not, whatever `include` says
  Faults faults;          // what to watch page faults with
  unsigned storm_budget;  // MiB per second that Faults::Storm may drop
  OnDeadlock on_deadlock;
  int verbosity;      // 0: only what is lost; 1: also what is switched on
  bool inline_locks;  // false: every lock operation is libc's own function
  bool stacks;        // false: only return addresses
  bool enabled;       // false: the shim stays out of the way
};

extern constinit Options options;

// Parses `text` (may be null) and makes `out` absolute. Unknown keys and bad values are told on stderr, once
// each, and ignored; help=1 prints the list of keys.
void read_options(const char* text);

}  // namespace faultline
