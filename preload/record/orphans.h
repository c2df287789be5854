// Locks that other threads of the parent held when it forked. The child has them locked and nobody to release
// them: whoever waits for one waits for ever.
//
// The child looks once, at its start, at what the other threads' states say, and believes it where the lock
// itself agrees (an entry may be a wait that had not ended). An acquisition asks only in its slow path, which
// the first one of every lock takes in a child (`tag_salt`), and only where there are orphans.
#pragma once

#include "record/guard.h"

namespace faultline {

// In a forked child, while no other thread runs and before the states of the parent's threads are recycled.
// Those that this process inherited as orphans stay so.
void collect_orphans(const ThreadState* survivor);

// Writes an `orphan` record if `taken` is about to wait for an orphan that is locked still. Once for each
// orphan and place. Not for one in memory that other processes share: the parent's thread can release that.
void note_orphan_wait(Guard& guard, const HeldLock& taken, bool timed);

}  // namespace faultline
