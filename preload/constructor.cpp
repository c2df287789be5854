// When the shim begins and ends: with the library. Apart from what then happens (runtime.h), so that its
// rooms can be linked into a program that starts them itself.
#include "runtime.h"

namespace faultline {
namespace {

// glibc hands constructors the program's arguments: the environment is there before libc's own pointer to it
// may be.
__attribute__((constructor)) void constructor(int, char**, char** environment) {
  start(environment);
}

__attribute__((destructor)) void destructor() {
  finish();
}

}  // namespace
}  // namespace faultline
