// Page faults that did not happen but could have: what annotate.h's might_fault says of the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "record/guard.h"

namespace faultline {

// The calling thread may fault anywhere in [address, address + length): what it holds waits for mmap_lock,
// and, where the memory is registered with a userfaultfd, for its service; recorded with `observed` false.
// A thread that holds nothing, or has ruled faults out (annotate.h, fault_disable), has nothing to tell.
void may_fault(Guard& guard, std::uintptr_t address, std::size_t length, CallPoint at);

}  // namespace faultline
