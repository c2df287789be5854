#include "analysis.h"

#include <algorithm>
#include <iterator>

namespace faultline {

Analysis::Analysis(std::span<const std::filesystem::path> paths, std::string_view run,
                   const JudgeOptions& options)
    : model_(load_model(paths, run)), symbolizer_(model_), judgement_(judge(model_, symbolizer_, options)) {}

Report Analysis::report() const {
  Report report{.model = model_, .names = symbolizer_, .judgement = judgement_};
  const auto locate = [this](StackId stack) {
    for (const Frame& frame : model_.frames(stack)) symbolizer_.locate(frame);
  };
  for (const Finding& finding : judgement_.findings) {
    for (const FindingEdge& edge : finding.edges) {
      locate(model_.held[edge.held].stack);
      locate(model_.dependencies[edge.dependency].stack);
    }
    for (const FindingWait& wait : finding.waits) locate(wait.at);
    for (const FindingSite& site : finding.sites) {
      locate(site.at);
      for (const HeldId held : site.holds) locate(model_.held[held].stack);
    }
  }
  report.warnings = model_.warnings;
  for (std::string& problem : symbolizer_.problems()) report.warnings.push_back(std::move(problem));
  return report;
}

std::vector<std::string> incompleteness(const Analysis& analysis) {
  const Summary& summary = analysis.judgement().summary;
  std::vector<std::string> reasons;
  if (analysis.model().processes.size() == 0) {
    reasons.push_back("there is no trace");
  } else if (summary.locks == 0) {
    reasons.push_back("no lock was seen: the preload library was not active, or the program took none");
  }
  for (const Process& process : analysis.model().processes)
    for (const SourceRecord& source : process.sources)
      if (source.name == "preload" && source.state != "on")
        reasons.push_back(process.file + ": the preload library was " + source.state +
                          (source.why.empty() ? "" : ": " + source.why));
  std::ranges::copy(analysis.model().gaps, std::back_inserter(reasons));
  for (const auto& [cause, count] : summary.lost)
    reasons.push_back(std::to_string(count) + " records were lost (" + cause + ")");
  for (const std::string& bound : analysis.judgement().bounds)
    reasons.push_back("a bound was reached: " + bound);
  return reasons;
}

}  // namespace faultline
