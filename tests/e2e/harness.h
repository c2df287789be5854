// What every end-to-end test starts from: a directory of its own, programs run with and without the shim, and
// the analyzer's report on what they left.
//
// Each test case gets an empty work directory. It is removed when the test passes; when it fails it stays,
// and its path and the command that runs this one test again are printed. One test case at a time per
// process.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "process.h"

namespace faultline::e2e {

using Json = nlohmann::ordered_json;
using Path = std::filesystem::path;

// Of the running test case.
const Path& work_dir();

// The test programs, by folder and name: "shapes/abba".
std::string program(const std::string& name);

// The command that runs `arguments` with the shim preloaded and its traces in `traces`, and nothing else of
// ours. `options`: further ones of FAULTLINE_OPTIONS, after those that the tests' own environment has in
// FAULTLINE_TEST_OPTIONS: so a whole set of test cases is run under others.
Command preloaded(const Arguments& arguments, const Path& traces, const std::string& options = "");

// The `faultline` command.
Command faultline_command(const Arguments& arguments);

// Runs in the work directory. A timeout fails the test.
Outcome run(const Command& command);

// Whether the program said that it cannot do its work here (exit status 77, "skipped: why"). Says so in the
// way CTest looks for; the test case should then return.
bool skipped(const Outcome& outcome);

// Says that this test case cannot do its work here, and why, in the same way; the test case should then
// return.
void skip(const std::string& why);

// The trace files in `directory`, sorted by name.
std::vector<Path> traces_in(const Path& directory);

// The records of one trace, up to the last whole one.
std::vector<Json> records_of(const Path& trace);

// A whole file as text, bytes unchanged; and the reverse.
std::string read_text(const Path& file);
void write_text(const Path& file, const std::string& text);

}  // namespace faultline::e2e
