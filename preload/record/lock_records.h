// The trace's records of locks: written once per trace, before anything that names them.
//
// Any thread, within a guarded section.
#pragma once

#include "record/lock_identity.h"

namespace faultline {

// Makes sure that the trace defines the lock called `word`, and gives its id there. `address` must be a live
// lock of that kind, or null for what is no object in memory.
// `may_be_gone`: it is held, but the program may have unmapped it nevertheless; then that is looked at first.
LockId write_lock_record(ThreadState& thread, LockWord word, LockKind kind, const volatile void* address,
                         bool may_be_gone = false);

// The same with the declaration or name that came after the record.
void lock_was_named(ThreadState& thread, LockWord word);
void lock_was_declared(ThreadState& thread, LockId lock);

// An annotation names the class of `word`, and all that the analyzer takes for its like (copied).
void name_class_of(ThreadState& thread, LockWord word, const char* name);

}  // namespace faultline
