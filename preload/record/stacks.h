// Call stacks by number: each distinct one is kept once, and written to the trace when something first refers
// to it.
//
// Any thread. A StackId stays valid for the life of the process, also in forked children.
#pragma once

#include "record/guard.h"

namespace faultline {

// The calling thread's known call site for `at`, captured now if it is new. The reference holds until the
// next call of this function by the same thread. Cost when known: a table look-up; when new: a walk of the
// stack (0.1 to 1 us).
CallSite& call_site(Guard& guard, CallPoint at);

// Whether an unwinder may run on the stack of the calling thread, which is now at `frame`: a thread's own,
// and not near its end.
bool has_room_to_walk(const ThreadState& thread, std::uintptr_t frame);

// After code was unloaded: other code may come to lie at the same addresses, so every thread looks at its
// call points anew. Any thread, before the program can load anything more.
void forget_call_sites();

// The id of the stack of these program counters (innermost first; already inside their call instructions).
// StackId{} if out of memory.
StackId intern_stack(const std::uintptr_t* pcs, std::size_t count, StackBy by);

// The innermost program counter of `stack`; 0 where there is none.
std::uintptr_t innermost_of(StackId stack);

// Makes sure that the trace defines `stack`. Returns it, or StackId{} where it could not be written.
StackId written_stack(ThreadState& thread, StackId stack);

}  // namespace faultline
