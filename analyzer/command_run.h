// `faultline run`: a program under the preload library, and what its run tells.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace faultline {

// Adds the command to `app`. Once the command line is parsed and names it, `chosen` holds what to do: it
// returns the program's own status, or 66 where that is 0 and there are findings at or above --fail-on, and
// throws InputError where the program could not be started under the library.
void add_run_command(CLI::App& app, std::function<int()>& chosen);

}  // namespace faultline
