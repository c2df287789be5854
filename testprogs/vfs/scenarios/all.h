// Every scenario, each defined in the file of its name; the first comment of that file tells its story.
#pragma once

#include "scenario.h"

namespace tvfs {

extern const Scenario kExt4MmapInline;
extern const Scenario kExt4MkwriteInline;
extern const Scenario kExt4InlineRace;
extern const Scenario kXfsPunchMappages;
extern const Scenario kGupDirty;
extern const Scenario kDioDirty;
extern const Scenario kMmapRwFault;
extern const Scenario kGfs2Self;
extern const Scenario kGfs2Abba;
extern const Scenario kPageSelf;
extern const Scenario kNtfs3Fiemap;
extern const Scenario kMonitorUnmap;

}  // namespace tvfs
