// The call stack of another thread of this process, from its registers, while the kernel has it stopped in a
// page fault.
//
// The stack is copied first and walked in the copy (libunwind's remote interface, memory answered by us), so
// that a thread that is set free in the middle spoils at most the result, never the process: nothing outside
// the copy and the unwind tables of the modules on it is read.
#pragma once

#include "fault/fault_samples.h"
#include "record/thread_state.h"

namespace faultline {

// Loads the unwinder for it. Only while the calling thread holds no lock of the program: dlopen takes the
// loader's. Idempotent.
void load_blocked_stack_unwinder();

// As below, from a copy of the stack's first `size` bytes: frames that lie further out are missing. Its
// innermost frame only where the calling thread's own stack has no room for an unwinder.
std::size_t walk_stack_piece(const ThreadState& caller, const UserRegisters& registers, const void* piece,
                             std::size_t size, std::uintptr_t* frames, std::size_t capacity);

// Fills `frames` with program counters, innermost first, each inside its call instruction (the first as it
// is). 0: not possible.
std::size_t walk_blocked_stack(const UserRegisters& registers, std::uintptr_t* frames, std::size_t capacity);

}  // namespace faultline
