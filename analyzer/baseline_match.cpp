#include "baseline_match.h"

#include <set>

namespace faultline {

namespace {

bool accepts(const BaselineEntry& entry, Severity severity) {
  if (entry.severity.empty() || entry.severity == spelling(Severity::Error)) return true;
  if (entry.severity == spelling(Severity::Warning)) return severity <= Severity::Warning;
  return severity == Severity::Note;
}

}  // namespace

std::vector<GoneFinding> match(const Baseline& baseline, std::vector<Finding>& findings) {
  std::set<std::string> seen;
  for (Finding& finding : findings) {
    seen.insert(finding.fingerprint);
    const auto entry = baseline.entries().find(finding.fingerprint);
    const bool known = entry != baseline.entries().end() && accepts(entry->second, finding.severity);
    finding.state = known ? State::Known : State::New;
  }
  std::vector<GoneFinding> gone;
  for (const auto& [fingerprint, entry] : baseline.entries())
    if (!seen.contains(fingerprint)) gone.push_back({fingerprint, entry.title});
  return gone;
}

std::size_t accept_new(Baseline& baseline, const std::vector<Finding>& findings, Severity level,
                       const std::string& reason, const std::string& date) {
  std::size_t count = 0;
  for (const Finding& finding : findings) {
    if (finding.severity < level || finding.state != State::New) continue;
    baseline.accept(finding.fingerprint, {.title = finding.title,
                                          .severity = std::string(spelling(finding.severity)),
                                          .first_seen = date,
                                          .reason = reason});
    ++count;
  }
  return count;
}

}  // namespace faultline
