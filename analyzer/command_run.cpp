#include "command_run.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "analysis.h"
#include "baseline.h"
#include "baseline_match.h"
#include "executable.h"
#include "input_error.h"
#include "launch.h"
#include "report_options.h"

namespace faultline {

namespace {

namespace fs = std::filesystem;

// The program went well but Faultline has something against it: the status ThreadSanitizer uses for the same.
constexpr int kFindings = 66;

struct RunArguments {
  std::string out = "faultline-out";
  std::string faults = "auto";
  std::string include;
  std::string exclude;
  std::string on_deadlock = "kill";
  std::string gate;
  ReportOptions report;
};

fs::path output_folder(const std::string& name) {
  std::error_code error;
  fs::create_directories(name, error);
  if (error) throw InputError(name + ": cannot be made: " + error.message());
  return fs::canonical(name);
}

void say_unseen(const RunArguments& arguments, const std::string& program, const fs::path& out) {
  const bool chosen = !arguments.include.empty() || !arguments.exclude.empty();
  const std::string why =
      chosen ? "no program that ran is among those that --include and --exclude leave" : why_unseen(program);
  std::fprintf(stderr, "faultline: nothing was seen: %s left no trace in %s: %s\n", program.c_str(),
               out.c_str(), why.c_str());
}

// What the traces of this run tell: whether it is something to fail for. A gate does not pass what was not
// recorded.
bool fails(const RunArguments& arguments, const std::string& program, const fs::path& out,
           const std::string& run, const std::optional<Baseline>& baseline) {
  const fs::path paths[] = {out};
  Analysis analysis(paths, run, arguments.report.judge_options());
  if (analysis.model().processes.size() == 0) {
    say_unseen(arguments, program, out);
    return baseline.has_value();
  }
  std::optional<std::vector<GoneFinding>> gone;
  if (baseline) gone = match(*baseline, analysis.judgement().findings);
  Report report = analysis.report();
  report.gone = std::move(gone);
  write_reports(report, arguments.report, STDERR_FILENO);
  std::fprintf(stderr, "Traces: %s (%zu of this run)\n", out.c_str(), analysis.model().processes.size());
  if (!baseline) return count_failing(report, arguments.report) > 0;
  const std::vector<std::string> reasons = incompleteness(analysis);
  for (const std::string& reason : reasons)
    std::fprintf(stderr, "faultline: the gate does not pass: %s\n", reason.c_str());
  return !reasons.empty() || count_failing(report, arguments.report) > 0;
}

int run(const RunArguments& arguments, const std::vector<std::string>& program) {
  // Read and checked before the program runs: a mistake in the command line should not cost a run.
  std::optional<Baseline> baseline;
  if (!arguments.gate.empty()) baseline = Baseline::read(arguments.gate);
  const fs::path out = output_folder(arguments.out);
  check_reports(arguments.report, STDERR_FILENO, {&out, 1}, arguments.gate);
  const std::string id = new_run_id();
  Launch what = {.command = program,
                 .library = find_preload_library(),
                 .options = {{"out", out.string()},
                             {"run", id},
                             {"faults", arguments.faults},
                             {"on_deadlock", arguments.on_deadlock}}};
  if (!arguments.include.empty()) what.options.emplace_back("include", arguments.include);
  if (!arguments.exclude.empty()) what.options.emplace_back("exclude", arguments.exclude);
  const auto [started, status] = launch(what);
  if (!started) return status;
  try {
    const bool failed = fails(arguments, program[0], out, id, baseline);
    return status == 0 && failed ? kFindings : status;
  } catch (const InputError& error) {
    // The program's status is not ours to replace, unless it says that all is well.
    std::fprintf(stderr, "faultline: %s\n", error.what());
    return status == 0 ? kFindings : status;
  }
}

// CLI11 does not know of the program, so it cannot name it.
class RunUsage : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] -- CMD [ARG]...\n";
  }
};

}  // namespace

void add_run_command(CLI::App& app, const std::vector<std::string>& program, std::function<int()>& chosen) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* const command =
      app.add_subcommand("run", "Run a program under Faultline and report what can deadlock in it");
  command->add_option("-o,--out", arguments->out, "Folder for the traces (default: faultline-out)")
      ->type_name("DIR");
  command
      ->add_option(
          "--faults", arguments->faults,
          "Which page faults are watched: auto, those that somebody serves (default); perf, those of "
          "every thread; uffd, as auto but without perf events; off, none; storm, as perf, and shared "
          "file mappings are made to fault again and again: for tests")
      ->type_name("SOURCE")
      ->check(CLI::IsMember({"auto", "perf", "uffd", "off", "storm"}));
  const auto patterns = [&](const char* name, std::string& globs, const std::string& what) {
    command->add_option(name, globs, what)->type_name("GLOB[,GLOB]...");
  };
  patterns("--include", arguments->include,
           "Of the programs that are started watch only those whose name, or path where the pattern has a "
           "slash, matches (* and ?)");
  patterns("--exclude", arguments->exclude, "Do not watch those that match, whatever --include says");
  command
      ->add_option(
          "--on-deadlock", arguments->on_deadlock,
          "What is done about a deadlock that happens: kill ends the program with status 66 (default), "
          "report only says so")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"kill", "report"}));
  command->add_option("--gate", arguments->gate, "Baseline of accepted findings, which then do not count")
      ->type_name("FILE");
  add_report_options(*command, arguments->report);
  command->formatter(std::make_shared<RunUsage>());
  command->footer(
      "Reports without a file go to standard error. Exit status: the program's own (128 + signal where one "
      "ended it, 127 not found,\n"
      "126 not executable), or 66 where that is 0 and there are findings at or above --fail-on, or where a "
      "deadlock "
      "happened.\n\n"
      "Examples:\n"
      "  faultline run -- ./server --port 8080\n"
      "  faultline run -o traces --gate faultline.baseline --format=json:report.json -- ./tests");
  command->callback([arguments, &program, &chosen] {
    chosen = [arguments, &program] { return run(*arguments, program); };
  });
}

}  // namespace faultline
