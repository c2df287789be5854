// What every report format is made from, and the formats themselves.
//
// A renderer is a function from a Report to text, without I/O of its own but for source lines (text) and
// symbols.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finding.h"
#include "model.h"
#include "source_names.h"

namespace faultline {

// A finding of the baseline that this result does not have: fixed, or not exercised this time.
struct GoneFinding {
  std::string fingerprint;
  std::string title;
};

struct Report {
  const Model& model;
  const SourceNames& names;
  const Judgement& judgement;
  std::optional<std::vector<GoneFinding>> gone = std::nullopt;  // set where there was a baseline
  std::vector<std::string> warnings = {};  // sentences: of reading, and files without symbols
};

// How many findings have this severity.
std::size_t count_findings(const Report& report, Severity level);
// How many errors and warnings are in this state; notes are no news, in whichever state.
std::size_t count_findings(const Report& report, State state);

}  // namespace faultline
