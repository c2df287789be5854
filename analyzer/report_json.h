// The JSON report: docs/report.md describes it, docs/report.schema.json is its schema.
#pragma once

#include <string>

#include "report.h"

namespace faultline {

// One JSON document, indented by two spaces, ending in a newline. Every finding is in it, explained ones too.
// Bytes that are not UTF-8 (a path, a thread name) are replaced.
std::string render_json(const Report& report);

}  // namespace faultline
