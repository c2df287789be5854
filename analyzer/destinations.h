// Where reports go, checked before any work is done: nothing is written to one place twice or over what is
// read.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace faultline {

// Throws InputError where a destination cannot be written, where two of them are one place (`out` and
// `./out`, a link and its file, a file and the descriptor sent there) or where one is an input. Writes,
// truncates and creates nothing. An empty destination is `descriptor`.
void check_destinations(std::span<const std::string> destinations, int descriptor,
                        std::span<const std::filesystem::path> inputs);

}  // namespace faultline
