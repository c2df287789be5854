// The next definition of a function after this library, found without dlsym, which this library stands in
// front of.
#pragma once

namespace faultline::sys {

// What dlsym(RTLD_NEXT, symbol) would find from here: the default version in the first object after this one,
// in the order of loading, that defines it; also one loaded with RTLD_LOCAL. nullptr: none. Reads the
// loader's list of objects without its lock, waiting a moment where it is just being changed; that another
// thread unloads an object in the middle of the walk is not excluded, so it is done at the start of a process
// and once per function.
void* next_definition(const char* symbol);

}  // namespace faultline::sys
