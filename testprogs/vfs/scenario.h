// A scenario: one order between locks of a file system and page faults, as a program that visits it, with the
// variants that have the mistake and those that cure it. A new scenario is one file in scenarios/ and one
// line in scenarios/registry.cpp.
//
// Exit codes of a run, and of the program: 0 every byte right, 1 data wrong, 2 wrong usage, 3 it hangs (as
// --really asked, and nothing ended it), 77 skipped (Skipped is thrown).
#pragma once

#include <span>
#include <string_view>

#include "uffd.h"

namespace tvfs {

// Whether a variant has a schedule that hangs.
enum class Hangs {
  No,
  Yes,
  BySigbus,  // only where each thread serves its own faults; a handler that serves all hangs in another way
};

struct Variant {
  std::string_view name;
  bool broken;                // its orders can deadlock: it is only ever run by threads that take turns
  std::string_view expected;  // what a lock-order validator must say of it
  Hangs hangs = Hangs::No;    // for --really
  bool by_sigbus = false;     // what its fault path waits for only the thread that faulted may wait for
};

// How to run: once in turns (the default), or with `threads` pairs of threads that overlap freely for
// `seconds`.
struct RunOptions {
  const Variant& variant;
  int threads = 1;
  double seconds = 0;
  FaultsBy faults_by = FaultsBy::Handler;
  bool really = false;  // take the schedule that hangs

  bool in_turns() const { return threads == 1 && seconds == 0; }
};

struct Scenario {
  std::string_view name;
  std::string_view summary;
  std::span<const Variant> variants;  // the first is the default
  int (*run)(const RunOptions&);      // returns 0 or 1; never called with what the variant cannot do
  bool overlaps = false;              // takes threads and seconds, for its fixed variants
};

// All there are.
std::span<const Scenario* const> scenarios();

}  // namespace tvfs
