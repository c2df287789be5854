// Call stacks for people: own code line by line, library code folded, the source line of the place that
// matters.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "stack_view.h"
#include "text_style.h"

namespace faultline {

// Whether a frame is a library's: what lies below or above the program's own code and tells a reader little.
// The modules and scopes are those of ClassRules; a wrapper of the program's own counts as its code here, as
// a reader wants to see it.
bool is_library_frame(const FrameView& frame);

// The innermost frame of the program's own code that does more than wrap a lock call. Where there is none,
// the innermost of its code, then the innermost of all; null for an empty stack.
const FrameView* own_frame(const std::vector<FrameView>& frames);

class TextStacks {
 public:
  // Source files below `directory` are named from there, as the reader stands in it; an empty one leaves
  // names as they are.
  TextStacks(const TextStyle& style, std::string directory)
      : style_(style), directory_(std::move(directory)) {}

  // The frames as lines, innermost first, indented by `indent`: runs of library frames on one line or, where
  // they only start the thread, left out; at most `kMostFrames` lines of own code.
  std::string render(const std::vector<FrameView>& frames, std::size_t indent);

  // In one phrase: "ext4_write at fs/ext4.cpp:88", "write (libc.so.6)" where no line is known.
  std::string place_of(const FrameView& frame) const;

 private:
  static constexpr std::size_t kMostFrames = 4;

  // Where a frame is, as far as its function's name does not say so: "fs/ext4.cpp:88", "(libc.so.6)", "".
  std::string where_of(const FrameView& frame) const;
  std::string line_of(const FrameView& frame, std::size_t indent) const;
  // The line of the source file, "" where it cannot be read. Files are read once.
  std::string source_line(const SourceLocation& location);

  const TextStyle& style_;
  std::string directory_;
  std::map<std::string, std::vector<std::string>> files_;
};

}  // namespace faultline
