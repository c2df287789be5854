// The `faultline` command.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>

#include "command_analyze.h"
#include "command_gate.h"
#include "command_run.h"
#include "input_error.h"

namespace {

constexpr int kBadInput = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Faultline finds lock orders that can deadlock, page faults included, in unmodified programs.",
               "faultline");
  app.set_version_flag("--version", "faultline " FAULTLINE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Start with:  faultline run -- ./program\n"
      "Then, in CI: faultline gate --baseline faultline.baseline faultline-out\n"
      "`faultline COMMAND --help` explains each command.");
  std::function<int()> chosen;
  faultline::add_run_command(app, chosen);
  faultline::add_analyze_command(app, chosen);
  faultline::add_gate_command(app, chosen);
  try {
    app.parse(argc, argv);
    return chosen();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadInput;
  } catch (const faultline::InputError& error) {
    std::fprintf(stderr, "faultline: %s\n", error.what());
    return kBadInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "faultline: %s\n", error.what());
    return kBadInput;
  }
}
