// The ends of threads as locks: whoever joins a thread while it holds a lock deadlocks with a thread that
// still needs that lock.
//
// A trace has only the joiners' half, a wait for a lock of kind `thread`. The other half, that each thread
// holds its own end whatever it does, is put into the model here.
#pragma once

#include "model.h"

namespace faultline {

// Puts the end of each thread at the bottom of everything that thread does, where it can be part of a cycle:
// its end is waited for by a thread that holds something, be it only its own end that is waited for in turn.
// Once, on a model that is complete otherwise. Cost: one pass over the dependencies, and a walk down the held
// paths of the threads concerned.
void hold_thread_ends(Model& model);

}  // namespace faultline
