// Guarded state that nothing guards: findings of kind `unguarded`.
//
// After Eraser (Savage, Burrows, Nelson, Sobalvarro, Anderson: "Eraser: A Dynamic Data Race Detector for
// Multithreaded Programs", ACM TOCS 15(4), 1997): while only its first thread has touched a piece of state it
// is being initialised (the trace has nothing of that), state that is only read needs no lock, and state that
// is written needs one lock that every access has in its held set, by writers held exclusively. Where the
// intersection is empty, two accesses are looked for that show it:
//
//   threads   different ones, and neither serves a page fault of the other or of a third one both serve
//             (that thread stands still meanwhile);
//   access    at least one of them writes;
//   locks     no lock instance is held at both, at one of them exclusively. What a server holds includes what
//             its clients hold;
//   order     creating and joining threads lets both happen at one moment.
//
// That asks less of a program than Eraser does: two accesses may have one lock and a third pair another.
// Locks that were not told apart any more (Lock::summary) count as one lock: where it is not known whether
// two inodes' locks were the same, none is reported missing.
#pragma once

#include <string>
#include <vector>

#include "classes.h"
#include "finding.h"
#include "frame_names.h"

namespace faultline {

// One for each name of state and two places, with one pair of accesses as evidence; `instances` is the number
// of objects it was found on. A sentence is added to `bounds` where not all pairs were looked at. Cost: near
// linear where all is guarded; quadratic in the distinct accesses of one piece of state where it is not.
std::vector<Finding> unguarded_state(const Model& model, const LockClasses& classes, const FrameNames& names,
                                     std::vector<std::string>& bounds);

}  // namespace faultline
