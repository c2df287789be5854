// How often the same thing has been written of one thread: once per epoch, up to a bound.
//
// A thread that creates and joins others without end enters a new epoch each time, and a server makes threads
// without end: past these bounds one last record says "assume it from here on" (docs/trace-format.md,
// `open`).
#pragma once

#include "json_line.h"
#include "record/thread_state.h"

namespace faultline {

enum class Occurrence : std::uint8_t {
  Known,  // written already, or past a bound: nothing to write
  New,
  LastEpoch,   // the last record of this thread
  LastThread,  // the last record of any thread
};

// Notes that what `key` stands for has happened to `thread` in its present epoch. By one thread at a time for
// one `thread`: itself, or who acts for it while it is stopped in a fault. Known, and counted as lost, where
// there is no memory.
Occurrence note_occurrence(std::uint64_t key, const ThreadState& thread);

// Whether it has been written of `thread` in its present epoch.
bool has_occurred(std::uint64_t key, const ThreadState& thread);

// The key `open` of the record.
void write_open(JsonLine& line, Occurrence occurrence);

}  // namespace faultline
