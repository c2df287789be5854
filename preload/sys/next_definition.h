// The next definition of a symbol after this library, found without dlsym, which this library stands in
// front of.
#pragma once

#include <cstddef>

namespace faultline::sys {

struct Definition {
  void* address;  // nullptr: none
  std::size_t size;
};

// What dlsym(RTLD_NEXT, symbol) would find from here: the default version in the first object after this one,
// in the order of loading, that defines it; also one loaded with RTLD_LOCAL. Reads the
// loader's list of objects without its lock, waiting a moment where it is just being changed; that another
// thread unloads an object in the middle of the walk is not excluded, so it is done at the start of a process
// and once per function.
Definition next_definition(const char* symbol);

}  // namespace faultline::sys
