// From a model to its findings: the one entry of the analysis.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finding.h"
#include "frame_names.h"
#include "model.h"

namespace faultline {

enum class Policy : std::uint8_t {
  Feasible,  // a cycle is an error where threads of this program could really meet on it
  Lockdep,   // as the kernel: every executed inversion of classes is an error
};

struct JudgeOptions {
  Policy policy = Policy::Feasible;
};

// Judges every cycle of `model`. The result is the same for the same traces, whatever addresses and process
// ids they carry. Findings are sorted by severity, stability, title and fingerprint; no two share a
// fingerprint.
Judgement judge(const Model& model, const FrameNames& names, const JudgeOptions& options = {});

}  // namespace faultline
