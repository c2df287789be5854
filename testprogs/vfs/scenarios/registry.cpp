#include "scenarios/all.h"

namespace tvfs {

std::span<const Scenario* const> scenarios() {
  static constexpr const Scenario* kAll[] = {&kExt4MmapInline,   &kExt4MkwriteInline, &kExt4InlineRace,
                                             &kXfsPunchMappages, &kGupDirty,          &kDioDirty,
                                             &kGfs2Self,         &kGfs2Abba,          &kMmapRwFault};
  return kAll;
}

}  // namespace tvfs
