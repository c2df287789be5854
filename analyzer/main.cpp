// The `faultline` command.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "command_analyze.h"
#include "command_doctor.h"
#include "command_gate.h"
#include "command_run.h"
#include "input_error.h"

namespace {

constexpr int kBadInput = 2;

// The command line: what CLI11 parses, and the program that `run` shall start. CLI11 must not see the latter:
// it would take words like "[a,b]" for lists.
struct Words {
  std::vector<std::string> ours;
  std::vector<std::string> program;
};

Words split(int argc, char** argv) {
  Words words{.ours = {argv + std::min(argc, 1), argv + argc}, .program = {}};
  if (words.ours.empty() || words.ours[0] != "run") return words;
  const auto separator = std::ranges::find(words.ours, "--");
  if (separator != words.ours.end()) words.program.assign(separator + 1, words.ours.end());
  words.ours.erase(separator, words.ours.end());
  const auto asks_for_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (words.program.empty() && std::ranges::none_of(words.ours, asks_for_help))
    throw faultline::InputError(
        "run: name the program after --, as in: faultline run [OPTIONS] -- ./program ARG...");
  return words;
}

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
  Words words;
  faultline::add_run_command(app, words.program, chosen);
  faultline::add_analyze_command(app, chosen);
  faultline::add_gate_command(app, chosen);
  faultline::add_doctor_command(app, chosen);
  try {
    words = split(argc, argv);
    std::ranges::reverse(words.ours);  // as CLI11 wants it
    app.parse(words.ours);
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
