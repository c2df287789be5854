// Symbol names as people write them.
#pragma once

#include <string>

namespace faultline {

// The qualified name of a function without its parameters and return type ("Cache::get<int>"), as
// parameters make reports long and a new one would change fingerprints. A name that is not a C++ symbol comes
// back as it is. Suffixes of compilers for parts and copies of a function (".cold", ".constprop.0") are
// dropped.
std::string function_name(const std::string& symbol);

// The same for a data symbol, whose suffix (C's "lock.0" for a static local) is what tells it from others and
// stays.
std::string object_name(const std::string& symbol);

}  // namespace faultline
