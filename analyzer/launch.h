// Starts the user's program under the preload library and waits for it, as a shell would: same status, same
// signals.
//
// Changes process-wide signal dispositions for good: one launch, from a program with one thread that has
// nothing to do after it but to report and to end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace faultline {

struct Launch {
  std::vector<std::string> command;  // never empty; found through PATH
  std::filesystem::path library;     // what is preloaded, before anything LD_PRELOAD already names
  // Added to the end of FAULTLINE_OPTIONS, whose later keys win.
  std::vector<std::pair<std::string, std::string>> options;
};

// The preload library: $FAULTLINE_PRELOAD_LIBRARY if set, else libfaultline.so next to this executable, else
// where an installation has it. Throws InputError where there is none, naming the places looked at.
std::filesystem::path find_preload_library();

// An identifier no other run on this machine has.
std::string new_run_id();

struct LaunchResult {
  bool started = true;
  int status = 0;
};

// Runs the command. The status is its exit status, 128 + signal where one ended it; where it could not be
// started (said on stderr) 127 if it was not found, else 126. Throws InputError where the dynamic linker or
// the option list could not express a path.
//
// ASAN_OPTIONS gets verify_asan_link_order=0 unless it says something of that, or programs built with
// AddressSanitizer would not start.
//
// While it runs SIGINT, SIGQUIT, SIGTERM and SIGHUP are passed on to it and do not end the caller, which has
// a report to write; after it has ended they do nothing. Where the terminal sent the signal the program has
// it already, as it is in the same process group, and gets no second one.
LaunchResult launch(const Launch& what);

}  // namespace faultline
