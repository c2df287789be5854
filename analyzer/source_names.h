// Frames of a trace as places in source code: what reports print.
#pragma once

#include <string>
#include <vector>

#include "frame_names.h"

namespace faultline {

// A place in the program's source, or the nearest thing to it that is known.
struct SourceLocation {
  std::string function;  // qualified, without parameters; empty when unknown
  std::string file;      // relative to the compile directory when under it, else absolute; empty when unknown
  std::string path;      // where that file was when it was compiled
  int line = 0;          // 0: unknown
  bool inlined = false;  // this function's code was inlined into that of the next location
};

class SourceNames : public FrameNames {
 public:
  // The function at a frame and those it was inlined into, innermost first. Empty when nothing is known.
  virtual const std::vector<SourceLocation>& locate(const Frame& frame) const = 0;

  std::vector<std::string> functions(const Frame& frame) const override {
    std::vector<std::string> names;
    for (const SourceLocation& location : locate(frame))
      if (!location.function.empty()) names.push_back(location.function);
    return names;
  }
};

}  // namespace faultline
