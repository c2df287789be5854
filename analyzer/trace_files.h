// Which files the given paths mean: the traces themselves, or folders of them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace faultline {

struct TraceFile {
  std::filesystem::path path;
  bool named = false;  // given itself, not only found in a folder
};

struct TraceFiles {
  std::vector<TraceFile> files;       // each once, however often and by whichever links it was given
  std::vector<std::string> warnings;  // sentences: what looked like a trace in a folder and is left out
};

// The traces of every path in turn, those of a folder (its *.jsonl files; folders inside it are not entered)
// in the order of their names. Opens none of them: a device or a pipe would be read without an end. Throws
// InputError where a path does not exist, is neither file nor folder, or where a folder cannot be read.
TraceFiles find_traces(std::span<const std::filesystem::path> paths);

}  // namespace faultline
