// The wait for mmap_lock that a page fault is: the lock the program declared as its own, or the model one.
//
// In guarded sections.
#pragma once

#include "record/dependencies.h"

namespace faultline {

// The wait of a thread that faults at `stack`.
Wait mmap_lock_wait(StackId stack);
// The same where the lock that the program declared has no part in it.
Wait model_mmap_lock_wait(StackId stack);

}  // namespace faultline
