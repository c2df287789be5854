// `faultline analyze`: traces in, reports out.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace faultline {

// Adds the command to `app`. Once the command line is parsed and names it, `chosen` holds what to do: it
// returns the exit status (0 clean, 1 findings at or above --fail-on) and throws InputError on input that
// cannot be used.
void add_analyze_command(CLI::App& app, std::function<int()>& chosen);

}  // namespace faultline
