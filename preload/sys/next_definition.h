// The next definition of a function after this library, found without dlsym, which this library stands in
// front of.
#pragma once

namespace faultline::sys {

// What dlsym(RTLD_NEXT, symbol) would find from here: the default version in the first object after this one,
// in the order of loading, that defines it. nullptr: none. Reads the loader's list of objects without its
// lock: meant for the start of a process.
void* next_definition(const char* symbol);

}  // namespace faultline::sys
