#include "text_stack.h"

#include <algorithm>
#include <fstream>

#include "classes.h"

namespace faultline {

namespace {

// Files longer than this are no source a person wrote.
constexpr std::size_t kMostLines = 200'000;

std::string without_leading_space(const std::string& line) {
  const auto first = line.find_first_not_of(" \t");
  return first == std::string::npos ? "" : line.substr(first);
}

const ClassRules& rules() {
  static const ClassRules defaults = ClassRules::defaults();
  return defaults;
}

}  // namespace

bool is_library_frame(const FrameView& frame) {
  const std::string& function = frame.location.function;
  if (function == "_start" || rules().is_wrapper_module(frame.module)) return true;
  return std::ranges::any_of(rules().scopes,
                             [&](const std::string& scope) { return function.starts_with(scope); });
}

const FrameView* own_frame(const std::vector<FrameView>& frames) {
  const FrameView* wrapper = nullptr;
  for (const FrameView& frame : frames) {
    if (is_library_frame(frame)) continue;
    if (!rules().is_wrapper(frame.location.function)) return &frame;
    if (!wrapper) wrapper = &frame;
  }
  return wrapper ? wrapper : frames.empty() ? nullptr : &frames.front();
}

std::string TextStacks::where_of(const FrameView& frame) const {
  const SourceLocation& location = frame.location;
  if (!location.file.empty()) {
    const bool below = !directory_.empty() && location.file.starts_with(directory_ + "/");
    return location.file.substr(below ? directory_.size() + 1 : 0) + ":" + std::to_string(location.line);
  }
  if (frame.module.empty()) return "(unknown code)";
  return location.function.starts_with(frame.module + "+") ? "" : "(" + frame.module + ")";
}

std::string TextStacks::place_of(const FrameView& frame) const {
  const std::string where = where_of(frame);
  return frame.location.function + (where.empty() ? "" : where[0] == '(' ? " " : " at ") + where;
}

std::string TextStacks::line_of(const FrameView& frame, std::size_t indent) const {
  const SourceLocation& location = frame.location;
  const std::string where = where_of(frame);
  const std::size_t room =
      style_.width > indent + columns(where) + 2 ? style_.width - indent - columns(where) - 2 : 0;
  // However long the path, a function keeps enough of its name to be recognised.
  const std::string function = elided(printable(location.function), std::max<std::size_t>(room, 24));
  return std::string(indent, ' ') + function + (where.empty() ? "" : "  " + style_.cyan(printable(where))) +
         "\n";
}

std::string TextStacks::render(const std::vector<FrameView>& frames, std::size_t indent) {
  const std::string margin(indent, ' ');
  if (frames.empty()) return margin + style_.faint("(no stack was recorded)") + "\n";
  const bool all_library = std::ranges::all_of(frames, is_library_frame);
  const FrameView* const top = own_frame(frames);
  std::string out;
  std::size_t own = 0;
  std::size_t i = 0;
  const auto fold = [&](std::size_t first, std::size_t end) {
    // Of the folded calls the outermost is the one the program's own code made.
    const FrameView& made = frames[end - 1];
    if (!is_library_frame(made)) return line_of(made, indent);
    std::string line = made.location.function;
    if (end - first > 1) line += " (and " + std::to_string(end - first - 1) + " further in)";
    return margin + style_.faint(elided(printable(line), style_.width - indent)) + "\n";
  };
  // What lies between the lock and the code that meant to take it is one line: lock wrappers, guards, a
  // memcpy.
  if (const auto inner = static_cast<std::size_t>(top - frames.data()); inner > 0) {
    out += fold(0, inner);
    i = inner;
  }
  while (i < frames.size()) {
    if (!all_library && is_library_frame(frames[i])) {
      const std::size_t first = i;
      while (i < frames.size() && is_library_frame(frames[i])) ++i;
      if (i == frames.size()) break;
      out += fold(first, i);
      continue;
    }
    if (own == kMostFrames) {
      out += margin + style_.faint("... and " + std::to_string(frames.size() - i) + " more frames") + "\n";
      break;
    }
    out += line_of(frames[i], indent);
    ++own;
    if (&frames[i] == top) {
      const std::string source = source_line(frames[i].location);
      if (!source.empty())
        out += margin + "    " + style_.faint(elided("| " + printable(source), style_.width - indent - 4)) +
               "\n";
    }
    ++i;
  }
  return out;
}

std::string TextStacks::source_line(const SourceLocation& location) {
  if (location.path.empty() || location.line <= 0) return "";
  const auto [place, fresh] = files_.try_emplace(location.path);
  if (fresh) {
    std::ifstream file(location.path);
    for (std::string line; place->second.size() < kMostLines && std::getline(file, line);)
      place->second.push_back(line);
  }
  const std::size_t index = static_cast<std::size_t>(location.line) - 1;
  return index < place->second.size() ? without_leading_space(place->second[index]) : "";
}

}  // namespace faultline
