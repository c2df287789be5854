// How the model ends where it cannot go on.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tvfs {

// The model met a state it has no rule for, or a system call failed that never should: the kernel's BUG().
// `error` is an errno.
[[noreturn]] inline void panic(const char* what, int error) {
  std::fprintf(stderr, "tvfs: panic: %s: %s\n", what, std::strerror(error));
  std::abort();
}

inline void must(int error, const char* what) {
  if (error != 0) panic(what, error);
}

// Thrown before any thread is started: this machine does not permit what the scenario needs. The program says
// why and exits 77.
struct Skipped {
  std::string why;
};

}  // namespace tvfs
