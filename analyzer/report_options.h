// The options that analyze, gate and run share: which report goes where, and which findings count.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "judge.h"
#include "report.h"

namespace faultline {

struct ReportOptions {
  std::vector<std::string> formats;  // "FORMAT" or "FORMAT:FILE"; text if empty
  std::string output;  // file of the report that has none of its own; empty: the descriptor of write_reports
  std::string fail_on = "error";
  std::string policy = "feasible";
  bool all = false;

  // The severity from which on findings make a command fail; none: never.
  std::optional<Severity> fail_level() const;
  JudgeOptions judge_options() const;
};

void add_report_options(CLI::App& command, ReportOptions& options);

// Throws InputError where write_reports could not write, would mix two reports in one place, or would
// overwrite one of the traces of `paths` or the baseline (empty: none); as find_traces does, too. Before all
// work: a mistake in the command line should cost neither a run nor a file.
void check_reports(const ReportOptions& options, int descriptor, std::span<const std::filesystem::path> paths,
                   const std::string& baseline);

// Writes each report asked for; those without a file go to `descriptor` (1 or 2). Throws InputError where
// that fails. check_reports has been there before.
void write_reports(const Report& report, const ReportOptions& options, int descriptor);

// Findings that make a command fail: new ones at or above the level.
std::size_t count_failing(const Report& report, const ReportOptions& options);

}  // namespace faultline
