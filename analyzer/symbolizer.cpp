#include "symbolizer.h"

namespace faultline {

Symbolizer::File& Symbolizer::file_of(ModuleId module) const {
  const Module& known = model_.modules[module];
  std::unique_ptr<File>& file = files_[{known.path, known.build_id}];
  if (!file) file = std::make_unique<File>(known.path, known.build_id);
  return *file;
}

const std::vector<SourceLocation>& Symbolizer::locate(const Frame& frame) const {
  static const std::vector<SourceLocation> nothing;
  if (!frame.module) return nothing;
  File& file = file_of(frame.module);
  const auto [place, fresh] = file.locations.try_emplace(frame.offset);
  if (fresh) place->second = file.info.locate(frame.offset);
  return place->second;
}

std::string Symbolizer::object(const Frame& place) const {
  if (!place.module) return "";
  File& file = file_of(place.module);
  const auto [known, fresh] = file.objects.try_emplace(place.offset);
  if (fresh) known->second = file.info.object(place.offset);
  return known->second;
}

std::vector<std::string> Symbolizer::problems() const {
  std::vector<std::string> result;
  for (const auto& [key, file] : files_) {
    const std::string& path = key.first;
    // The vdso and other memory the kernel provides are no files; nothing is wrong there.
    const bool is_file = path.starts_with('/');
    if (is_file && !file->info.problem().empty())
      result.push_back("no symbols for " + path + ": the file " + file->info.problem());
  }
  return result;
}

}  // namespace faultline
