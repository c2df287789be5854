// Whether this process is to be watched, and can be. For the constructor, once the options are read.
#pragma once

#include <string_view>

namespace faultline {

// Whether the options `include` and `exclude` leave a program of this path.
bool is_wanted(std::string_view executable);

// Whether the shim lies in a process with glibc. A child of the program may run on another libc (musl); what
// the shim takes from glibc alone is weak, so that the child's loader finds nothing amiss.
bool has_glibc();

// Why this process cannot be watched, a sentence; null where it can.
const char* unwatchable();

}  // namespace faultline
