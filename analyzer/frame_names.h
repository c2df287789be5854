// How the judge asks for the names behind addresses, so that it needs no symbolizer to be tested.
#pragma once

#include <string>
#include <vector>

#include "trace_records.h"

namespace faultline {

// Names of code and data of one model (whose module ids the frames use). Answers are the same for the same
// question; an implementation caches, as the judge asks often.
class FrameNames {
 public:
  virtual ~FrameNames() = default;

  // The functions at a frame, innermost first: those inlined there, then the function that holds the code.
  // Demangled, with scopes and template arguments but without parameters, so that a new parameter is not a
  // new function. Empty where no symbol is known.
  virtual std::vector<std::string> functions(const Frame& frame) const = 0;

  // The data object at a place in a module's image, as object_name gives it; "object+0x10" inside it. Empty
  // where no symbol is known.
  virtual std::string object(const Frame& place) const = 0;
};

}  // namespace faultline
