#include "report_options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "destinations.h"
#include "input_error.h"
#include "report_json.h"
#include "report_text.h"
#include "trace_files.h"

namespace faultline {

namespace {

struct Target {
  std::string format;
  std::string file;  // empty: the descriptor
};

Target target_of(const std::string& written) {
  const auto colon = written.find(':');
  if (colon == std::string::npos) return {written, ""};
  return {written.substr(0, colon), written.substr(colon + 1)};
}

std::string check_format(const std::string& written) {
  const Target target = target_of(written);
  if (target.format != "text" && target.format != "json")
    return "'" + target.format +
           "' is no report format; use text or json, followed by :FILE to write to a file";
  if (target.file.empty() && written.find(':') != std::string::npos)
    return "'" + written + "' names no file after the colon";
  return "";
}

std::vector<Target> targets_of(const ReportOptions& options) {
  std::vector<Target> targets;
  for (const std::string& written : options.formats) targets.push_back(target_of(written));
  if (targets.empty()) targets.push_back({"text", ""});
  for (Target& target : targets)
    if (target.file.empty()) target.file = options.output;
  return targets;
}

// Empty where it was removed.
std::string working_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

void write_all(int descriptor, const std::string& text, const std::string& name) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError(name + ": cannot be written: " + std::strerror(errno));
    done += static_cast<std::size_t>(count);
  }
}

void write_file(const std::string& path, const std::string& text) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (!file) throw InputError(path + ": cannot be written: " + std::strerror(errno));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if ((std::fclose(file) != 0) || !written)
    throw InputError(path + ": cannot be written: " + std::strerror(errno));
}

}  // namespace

std::optional<Severity> ReportOptions::fail_level() const {
  for (const Severity level : {Severity::Error, Severity::Warning, Severity::Note})
    if (spelling(level) == fail_on) return level;
  return std::nullopt;
}

JudgeOptions ReportOptions::judge_options() const {
  JudgeOptions judging;
  if (policy == "lockdep") judging.policy = Policy::Lockdep;
  return judging;
}

void add_report_options(CLI::App& command, ReportOptions& options) {
  command
      .add_option("--format", options.formats,
                  "Report to write: text (the default) or json, to FILE where one is given. May be repeated")
      ->type_name("FORMAT[:FILE]")
      ->allow_extra_args(false)
      ->check(CLI::Validator(check_format, "", "format"));
  command.add_option("--output", options.output, "File for the report that names none itself")
      ->type_name("FILE");
  command
      .add_option("--fail-on", options.fail_on,
                  "Lowest severity that makes the command fail (default: error)")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"error", "warning", "note", "never"}));
  command
      .add_option("--policy", options.policy,
                  "feasible: judge what the threads could really do (default). "
                  "lockdep: every executed inversion is an error, as the kernel judges")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"feasible", "lockdep"}));
  command.add_flag("--all", options.all,
                   "Show notes too: cycles that were explained away, each with its reason");
}

void check_reports(const ReportOptions& options, int descriptor, std::span<const std::filesystem::path> paths,
                   const std::string& baseline) {
  std::vector<std::filesystem::path> inputs;
  for (TraceFile& file : find_traces(paths).files) inputs.push_back(std::move(file.path));
  if (!baseline.empty()) inputs.emplace_back(baseline);
  std::vector<std::string> destinations;
  for (const Target& target : targets_of(options)) destinations.push_back(target.file);
  check_destinations(destinations, descriptor, inputs);
}

void write_reports(const Report& report, const ReportOptions& options, int descriptor) {
  const Severity shown = std::min(Severity::Warning, options.fail_level().value_or(Severity::Warning));
  for (const Target& target : targets_of(options)) {
    const bool to_file = !target.file.empty();
    const TextOptions text{.lowest = options.all ? Severity::Note : shown,
                           .style = to_file ? TextStyle{} : style_of(descriptor),
                           .directory = working_directory()};
    const std::string rendered = target.format == "json" ? render_json(report) : render_text(report, text);
    if (to_file)
      write_file(target.file, rendered);
    else
      write_all(descriptor, rendered, descriptor == STDOUT_FILENO ? "standard output" : "standard error");
  }
}

std::size_t count_failing(const Report& report, const ReportOptions& options) {
  const std::optional<Severity> level = options.fail_level();
  if (!level) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(
      report.judgement.findings,
      [&](const Finding& finding) { return finding.severity >= *level && finding.state == State::New; }));
}

}  // namespace faultline
