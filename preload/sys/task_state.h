// What /proc says of this process and its threads: small files, read with system calls alone, no allocation.
//
// Every answer is "not known" where /proc is not there or does not let us look.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline::sys {

// What a thread was doing at one moment.
struct TaskCall {
  enum class State : std::uint8_t {
    Unknown,  // ended, or cannot be looked at
    Running,  // or about to
    User,     // stopped outside any system call: in a page fault
    Call,     // asleep in system call `number`
  };
  State state;
  long number;
  std::uintptr_t first_argument;
};
TaskCall task_call(int tid);

// Whether the thread sleeps in a page fault until a userfaultfd's server resolves it; false where the kernel
// does not tell.
bool sleeps_in_userfault(int tid);

// A thread that ended while others live on: a main thread that left by pthread_exit.
bool is_zombie(int tid);

// Whether this process has no thread with that kernel id.
bool is_gone(int tid);

// Reads a file of /proc/self/ into `text`, NUL-terminated. How many bytes, below `capacity`; 0: not readable,
// or empty.
std::size_t read_proc(const char* name, char* text, std::size_t capacity);

// Calls `visit(tid)` for every thread the kernel knows of this process, until it returns false. False: one
// did, or they cannot be listed. `buffer` is scratch.
bool each_task(char* buffer, std::size_t capacity, bool (*visit)(int tid, void* data), void* data);

void sleep_ms(long milliseconds);

}  // namespace faultline::sys
