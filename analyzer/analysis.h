// From traces to judged findings: what every command does first.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judge.h"
#include "model.h"
#include "report.h"
#include "symbolizer.h"

namespace faultline {

// The parts of one analysis, which refer to each other: it stays where it was made. Construction does all the
// work and throws InputError as load_model does.
class Analysis {
 public:
  Analysis(std::span<const std::filesystem::path> paths, std::string_view run, const JudgeOptions& options);
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  const Model& model() const { return model_; }
  Judgement& judgement() { return judgement_; }
  const Judgement& judgement() const { return judgement_; }

  // What reports are made from. It refers to this object. Looks up the symbols of all findings, so that its
  // warnings can say which files had none.
  Report report() const;

 private:
  Model model_;
  Symbolizer symbolizer_;
  Judgement judgement_;
};

// Why the result says less than it seems to, one sentence each; empty for a complete one. `gate` refuses to
// pass on any of these.
std::vector<std::string> incompleteness(const Analysis& analysis);

}  // namespace faultline
