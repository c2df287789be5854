// `faultline run`: a program under the preload library, and what its run tells.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace faultline {

// Adds the command to `app`, which parses what stands before "--". `program` is what stands behind it, to the
// letter; not empty where the command is chosen. Once the command line is parsed and names the command,
// `chosen` holds what to do: it returns the program's own status, or 66 where that is 0 and there are
// findings at or above --fail-on, and throws InputError on bad usage, before the program runs, and where it
// could not be started under the library.
void add_run_command(CLI::App& app, const std::vector<std::string>& program, std::function<int()>& chosen);

}  // namespace faultline
