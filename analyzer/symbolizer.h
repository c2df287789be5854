// Names and source lines for the frames of a model, from the files its programs ran from.
//
// Files are opened when first asked about, and every answer is kept, so a place costs once. One thread at a
// time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "debug_info.h"
#include "model.h"
#include "source_names.h"

namespace faultline {

class Symbolizer : public SourceNames {
 public:
  // Keeps a reference to `model`.
  explicit Symbolizer(const Model& model) : model_(model) {}

  const std::vector<SourceLocation>& locate(const Frame& frame) const override;
  std::string object(const Frame& place) const override;

  // One sentence for each file that was asked about and could not be used: reports then show module and
  // offset only.
  std::vector<std::string> problems() const;

 private:
  struct File {
    DebugInfo info;
    std::unordered_map<std::uint64_t, std::vector<SourceLocation>> locations;  // by offset
    std::unordered_map<std::uint64_t, std::string> objects;

    File(const std::string& path, const std::string& build_id) : info(path, build_id) {}
  };

  File& file_of(ModuleId module) const;

  const Model& model_;
  // By path and build id: processes of one program share what is known of it.
  mutable std::map<std::pair<std::string, std::string>, std::unique_ptr<File>> files_;
};

}  // namespace faultline
