// The call stack of a dependency as a report shows it: inlined frames expanded, every frame with some name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model.h"
#include "source_names.h"

namespace faultline {

struct FrameView {
  SourceLocation
      location;  // its function is never empty: "module+0x1f2a" or "0x7f00dead0000" where no symbol is known
  std::string module;  // file name of the module without folders; empty for unknown code
  std::string build_id;
  std::uint64_t offset = 0;  // from the module's load bias; the address itself for unknown code
};

// The frames of `stack`, innermost first; none for the stack 0.
std::vector<FrameView> view_stack(const Model& model, const SourceNames& names, StackId stack);

std::string hexadecimal(std::uint64_t number);  // "0x1f2a"

}  // namespace faultline
