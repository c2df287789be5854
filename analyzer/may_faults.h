// What serving a page would take, where a thread might have faulted on it but did not.
//
// A fault that happens shows what its server locks on the thread's behalf. A fault that only might happen
// (Dependency::observed false) shows nothing of that; but where the same page was served before, what the
// server locked for it then is what it would lock now. A thread that holds a lock, might fault on a page of
// its own file, and is served by who takes that lock, waits for itself: its run ends well only as long as the
// page happens to be there.
#pragma once

#include "model.h"

namespace faultline {

// Adds to each wait for a service by a possible fault the waits that its server would have on the thread's
// behalf, not observed either: held by the thread, held by the server at that place, the lock. Not those that
// were seen to happen anyway. Pages go by
// the start of the memory that might have been touched. Once, on a model that has all traces. Cost: one pass
// over the dependencies, and a walk down the paths of those that meet; of those at most a hundred thousand,
// the rest is a gap of the model.
void serve_may_faults(Model& model);

}  // namespace faultline
