// The name a finding keeps from run to run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "finding.h"

namespace faultline {

// Where a cycle of classes is to begin so that every rotation of it gives the same row: the start of its
// smallest rotation.
std::size_t canonical_start(std::span<const std::string_view> keys);

// "FL-" and 16 hexadecimal digits, over the kind and the class keys in canonical rotation. Holds no address,
// process, line or offset as long as the keys hold none.
std::string fingerprint_of(Kind kind, std::span<const std::string_view> canonical_keys);

}  // namespace faultline
