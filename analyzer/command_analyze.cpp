#include "command_analyze.h"

#include <unistd.h>

#include <memory>

#include "analysis.h"
#include "report_options.h"

namespace faultline {

namespace {

struct AnalyzeArguments {
  std::vector<std::filesystem::path> paths;
  ReportOptions report;
};

int analyze(const AnalyzeArguments& arguments) {
  check_reports(arguments.report, STDOUT_FILENO, arguments.paths, "");
  const Analysis analysis(arguments.paths, "", arguments.report.judge_options());
  const Report report = analysis.report();
  write_reports(report, arguments.report, STDOUT_FILENO);
  return count_failing(report, arguments.report) ? 1 : 0;
}

}  // namespace

void add_analyze_command(CLI::App& app, std::function<int()>& chosen) {
  auto arguments = std::make_shared<AnalyzeArguments>();
  CLI::App* const command =
      app.add_subcommand("analyze", "Judge recorded traces and report what can deadlock");
  command->add_option("PATH", arguments->paths, "Traces, or folders of them")->required();
  add_report_options(*command, arguments->report);
  command->footer(
      "Exit status: 0 clean, 1 findings at or above --fail-on, 2 bad usage or input.\n\n"
      "Examples:\n"
      "  faultline analyze faultline-out\n"
      "  faultline analyze --format=text --format=json:report.json --fail-on=warning faultline-out");
  command->callback([arguments, &chosen] { chosen = [arguments] { return analyze(*arguments); }; });
}

}  // namespace faultline
