#include "stack_view.h"

#include <cstdio>
#include <filesystem>

namespace faultline {

std::string hexadecimal(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

std::vector<FrameView> view_stack(const Model& model, const SourceNames& names, StackId stack) {
  std::vector<FrameView> views;
  for (const Frame& frame : model.frames(stack)) {
    FrameView view;
    view.offset = frame.offset;
    if (frame.module) {
      view.module = std::filesystem::path(model.modules[frame.module].path).filename().string();
      view.build_id = model.modules[frame.module].build_id;
    }
    const std::string bare = (view.module.empty() ? "" : view.module + "+") + hexadecimal(frame.offset);
    const std::vector<SourceLocation>& locations = names.locate(frame);
    if (locations.empty()) {
      view.location.function = bare;
      views.push_back(view);
    }
    for (const SourceLocation& location : locations) {
      view.location = location;
      if (location.function.empty()) view.location.function = bare;
      views.push_back(view);
    }
  }
  return views;
}

}  // namespace faultline
