#include "report.h"

#include <algorithm>

namespace faultline {

std::size_t count_findings(const Report& report, Severity level) {
  return static_cast<std::size_t>(std::ranges::count(report.judgement.findings, level, &Finding::severity));
}

std::size_t count_findings(const Report& report, State state) {
  return static_cast<std::size_t>(std::ranges::count_if(
      report.judgement.findings,
      [&](const Finding& finding) { return finding.state == state && finding.severity > Severity::Note; }));
}

}  // namespace faultline
