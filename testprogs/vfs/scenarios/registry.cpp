#include "scenarios/all.h"

namespace tvfs {

std::span<const Scenario* const> scenarios() {
  static constexpr const Scenario* kAll[] = {&kExt4MmapInline,   &kExt4MkwriteInline, &kExt4InlineRace,
                                             &kXfsPunchMappages, &kGupDirty,          &kDioDirty,
                                             &kGfs2Self,         &kGfs2Abba,          &kPageSelf,
                                             &kNtfs3Fiemap,      &kMonitorUnmap,      &kMmapRwFault};
  return kAll;
}

}  // namespace tvfs
