// The text report: what a person reads. One screen per finding, then what was seen and what was not.
#pragma once

#include <string>

#include "report.h"
#include "text_style.h"

namespace faultline {

struct TextOptions {
  // Findings below this are counted, not shown. Note shows all, explained cycles included.
  Severity lowest = Severity::Warning;
  TextStyle style{};
  std::string directory{};  // source files below it are named from there
};

std::string render_text(const Report& report, const TextOptions& options);

}  // namespace faultline
