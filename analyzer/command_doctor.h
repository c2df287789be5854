// `faultline doctor`: what works on this machine, and what is lost without.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace faultline {

// Adds the command to `app`. Once the command line is parsed and names it, `chosen` holds what to do: it
// prints one line for each thing Faultline relies on and returns 0 if a program can be watched here, else 1.
void add_doctor_command(CLI::App& app, std::function<int()>& chosen);

}  // namespace faultline
