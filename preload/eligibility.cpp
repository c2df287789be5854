#include "eligibility.h"

#include "options.h"
#include "sys/glob.h"
#include "sys/libc_version.h"

// Of ThreadSanitizer's runtime, wherever it is linked to. A weak reference: a search by dlsym that fails
// allocates.
extern "C" void __tsan_init() __attribute__((weak));

namespace faultline {

bool is_wanted(std::string_view executable) {
  return (options.include[0] == '\0' || any_glob_matches(options.include, executable)) &&
         !any_glob_matches(options.exclude, executable);
}

bool has_glibc() {
  return &gnu_get_libc_version != nullptr;
}

const char* unwatchable() {
  if (!has_glibc()) return "the program runs on another libc than glibc";
  if (&__tsan_init != nullptr)
    return "the program is built with ThreadSanitizer, which must see the lock functions itself";
  return nullptr;
}

}  // namespace faultline
