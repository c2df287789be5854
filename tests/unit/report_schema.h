// Whether a JSON document is a report as docs/report.schema.json has it.
#pragma once

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "json_schema.h"

namespace faultline {

// Why it is none; "" when it is one.
inline std::string schema_errors(const nlohmann::json& document) {
  std::ifstream file(FAULTLINE_DOCS "/report.schema.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return JsonSchema(text).errors(document.dump());
}

}  // namespace faultline
