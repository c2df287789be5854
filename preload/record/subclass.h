// Nesting subclasses (annotate.h): which part a lock plays among the locks of its class, told acquisition by
// acquisition.
//
// An entry of the held stack has no room for it: it goes into the entry's key, and a map tells it back by
// that key. Acquisitions without one, and programs that never use one, pay nothing.
#pragma once

#include "record/held_stack.h"

namespace faultline {

// The next lock that `thread` takes is of this subclass; 0: of none. In a guarded section.
void next_subclass(ThreadState& thread, unsigned subclass);

// The key of an entry that is being taken: `key` made to carry the subclass announced, which is used up.
std::uint64_t key_of_taken(ThreadState& thread, std::uint64_t key);

// The subclass that an entry's key carries.
std::uint8_t subclass_of(std::uint64_t key);

// An entry has a new key because those below it have changed: `fresh`, made to carry what `old` carried.
std::uint64_t key_moved(std::uint64_t old, std::uint64_t fresh);

}  // namespace faultline
