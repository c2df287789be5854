// The trace format, as far as code needs it: version, file name, the names that writer and reader must agree
// on. docs/trace-format.md is the full description; a change that an old reader would misread raises
// kTraceVersion.
#pragma once

#include <string_view>

namespace faultline {

inline constexpr int kTraceVersion = 1;
inline constexpr std::string_view kTraceFormat = "faultline-trace";
inline constexpr std::string_view kTraceSuffix = ".jsonl";

// Causes for which something was not recorded, in the order of the `lost` object of the stats line.
enum class Lost : int {
  TraceFull,
  Reentered,
  Threads,
  Stacks,
  Held,
  PendingFaults,
  ServerLog,
  Foreign,
  FaultRing,
  Annotations
};
inline constexpr std::string_view kLostNames[] = {"trace_full", "reentered",      "threads",    "stacks",
                                                  "held",       "pending_faults", "server_log", "foreign",
                                                  "fault_ring", "annotations"};
inline constexpr int kLostCauses = sizeof(kLostNames) / sizeof(kLostNames[0]);

}  // namespace faultline
