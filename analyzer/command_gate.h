// `faultline gate`: fails where traces hold a finding that the baseline does not know.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace faultline {

// Adds the command to `app`. Once the command line is parsed and names it, `chosen` holds what to do: it
// returns the exit status (0 clean, 1 new findings at or above --fail-on, 2 nothing or too little recorded to
// tell) and throws InputError on input that cannot be used.
void add_gate_command(CLI::App& app, std::function<int()>& chosen);

}  // namespace faultline
