// Runs a command to its end, with its output in files, and never longer than it may.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace faultline::e2e {

using Arguments = std::vector<std::string>;

struct Command {
  Arguments arguments;  // [0] is the program, found through PATH
  // NAME=VALUE, set on top of the environment of the tests, from which whatever concerns the shim has been
  // removed.
  std::vector<std::string> environment;
  std::chrono::seconds timeout{30};
};

struct Outcome {
  std::string command;  // as a person would type it
  // As a shell has it: the exit status, or 128 + the signal that ended the program.
  int status = 0;
  int signal = 0;  // the signal that ended the program, where one did: a status alone could be its own
  bool timed_out = false;  // the whole process group was then killed
  std::string out;
  std::string err;
};

// The word as a shell needs it typed.
std::string quoted(const std::string& word);

// Runs `command` in a process group of its own, in `directory`, with an empty standard input. Output goes to
// new files in `directory` (NUMBER.out, NUMBER.err), where it stays for whoever looks into a failure, as does
// the command (commands). Throws std::system_error where no process could be made.
Outcome run(const Command& command, const std::filesystem::path& directory);

}  // namespace faultline::e2e
