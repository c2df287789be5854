// What the tests of the shim's rooms share: recording switched on in the test program itself, a look at what
// was written, and children that start anew.
//
// The rooms' state is the process's, as in a real program: one recording, started by the first test that
// needs it. Tests tell their own records from others' by the ids and addresses in them.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "record/guard.h"
#include "trace_format.h"

namespace faultline {

using Json = nlohmann::json;

// Starts the recording of this process if it has not begun. The trace lies in a folder that goes with the
// process.
void record_here();

// The whole records of a trace so far. The first: of the process's own trace, and only those of one type.
std::vector<Json> records(const std::string& type);
std::vector<Json> records_of(const std::filesystem::path& trace);

// How much has been lost to that cause.
std::uint64_t lost(Lost cause);

// Runs `body` in a forked child that then ends at once. Returns what `body` returned (0 to 127), or 128 + the
// signal that ended the child. `body` must not use doctest's assertions: nobody reads them there.
int in_child(const std::function<int()>& body);

// What `body` writes to standard error.
std::string standard_error_of(const std::function<void()>& body);

// Runs `body(number)` in `count` threads that start together.
void in_threads(int count, const std::function<void(int)>& body);

}  // namespace faultline
