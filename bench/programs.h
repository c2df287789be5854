// The real programs that are measured, each doing a fixed amount of work.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "runner.h"

namespace faultline::bench {

// Where a program finds what it needs.
struct Place {
  std::filesystem::path build;    // of our own programs
  std::filesystem::path scratch;  // for files it makes
  std::filesystem::path input;    // what filters read: text, some megabytes
  std::filesystem::path excerpt;  // the beginning of it
};

// How much work: a second or so for what is to be compared exactly, little for peers that take a hundred
// times as long.
enum class Size { Full, Little };

struct Program {
  const char* name;  // without spaces; what it does is in its words
  double goal;       // most that its processor time may be under Faultline, to the empty preload; 0: none
  Command (*command)(const Place& place, Size size);
  // The same program built with ThreadSanitizer, in Place::build; null: there is none. The libraries it uses
  // are not, so of what they do ThreadSanitizer sees, and charges for, the calls of functions it replaces.
  const char* rebuilt;
  // 1: no lock is ever waited for in it. Measured only where it is named: for what its page faults cost.
  int threads = 2;
};

std::span<const Program> programs();

}  // namespace faultline::bench
