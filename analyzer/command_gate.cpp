#include "command_gate.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "analysis.h"
#include "baseline.h"
#include "baseline_match.h"
#include "input_error.h"
#include "report_options.h"

namespace faultline {

namespace {

struct GateArguments {
  std::vector<std::filesystem::path> paths;
  std::string baseline;
  bool update = false;
  std::string reason;
  bool allow_incomplete = false;
  ReportOptions report;
};

int gate(const GateArguments& arguments) {
  if (arguments.update && !arguments.report.fail_level())
    throw InputError("--update with --fail-on=never accepts nothing; name the lowest severity to accept");
  check_reports(arguments.report, STDOUT_FILENO, arguments.paths, arguments.baseline);
  Baseline baseline = Baseline::read(arguments.baseline, arguments.update);
  Analysis analysis(arguments.paths, "", arguments.report.judge_options());
  std::vector<GoneFinding> gone = match(baseline, analysis.judgement().findings);
  Report report = analysis.report();
  report.gone = std::move(gone);
  write_reports(report, arguments.report, STDOUT_FILENO);

  if (!arguments.allow_incomplete) {
    const std::vector<std::string> reasons = incompleteness(analysis);
    for (const std::string& reason : reasons) std::fprintf(stderr, "faultline gate: %s\n", reason.c_str());
    if (!reasons.empty()) {
      std::fprintf(
          stderr,
          "faultline gate: too little was recorded to pass; --allow-incomplete judges what there is\n");
      return 2;
    }
  }
  if (arguments.update) {
    const std::size_t accepted = accept_new(baseline, report.judgement.findings,
                                            *arguments.report.fail_level(), arguments.reason, today());
    baseline.write(arguments.baseline);
    std::fprintf(stderr, "faultline gate: %zu accepted into %s, which now lists %zu\n", accepted,
                 arguments.baseline.c_str(), baseline.entries().size());
    return 0;
  }
  const std::size_t failing = count_failing(report, arguments.report);
  if (failing == 0) return 0;
  std::fprintf(stderr,
               "faultline gate: %zu new (at or above %s). Fix, or accept after review: "
               "faultline gate --baseline %s --update --reason TEXT PATH...\n",
               failing, arguments.report.fail_on.c_str(), arguments.baseline.c_str());
  return 1;
}

}  // namespace

void add_gate_command(CLI::App& app, std::function<int()>& chosen) {
  auto arguments = std::make_shared<GateArguments>();
  CLI::App* const command = app.add_subcommand("gate", "Fail on findings that the baseline does not know");
  command->add_option("PATH", arguments->paths, "Traces, or folders of them")->required();
  command->add_option("--baseline", arguments->baseline, "Findings accepted after review")
      ->type_name("FILE")
      ->required();
  CLI::Option* const update = command->add_flag(
      "--update", arguments->update, "Accept the new findings at or above --fail-on into the baseline");
  CLI::Option* const reason =
      command->add_option("--reason", arguments->reason, "Why they are accepted, for the next reader")
          ->type_name("TEXT");
  reason->needs(update)->check([](const std::string& text) {
    return text.find_first_not_of(" \t\n") == std::string::npos ? "a reason is more than nothing" : "";
  });
  update->needs(reason);
  command->add_flag(
      "--allow-incomplete", arguments->allow_incomplete,
      "Judge what there is where traces are cut, records were lost, a bound was reached or no lock was seen");
  add_report_options(*command, arguments->report);
  command->footer(
      "Exit status: 0 nothing new, 1 new findings at or above --fail-on, 2 bad usage or input, or too little "
      "recorded to tell.\n"
      "Commit the baseline: it is a text file made to be reviewed and merged.\n\n"
      "Examples:\n"
      "  faultline gate --baseline faultline.baseline faultline-out\n"
      "  faultline gate --baseline faultline.baseline --update --reason \"reviewed: see the lock order "
      "notes\" faultline-out");
  command->callback([arguments, &chosen] { chosen = [arguments] { return gate(*arguments); }; });
}

}  // namespace faultline
