// A thread for which the program has switched recording off for a while (annotate.h).
//
// What it takes meanwhile is counted and not pushed, so that giving it up, then or later, is neither taken
// for another thread's lock nor for one nobody took. The thread itself only, inside guarded sections.
#pragma once

#include "record/held_stack.h"

namespace faultline {

// Switches off, or on again after as many calls as have switched off.
inline void pause_recording(ThreadState& thread, bool pause) {
  if (pause) {
    ++thread.paused;
  } else if (thread.paused != 0) {
    --thread.paused;
  }
  set_limit(thread);
}

// Whether an acquisition by `thread` is not to be recorded; then it is counted.
inline bool passes_unwatched(ThreadState& thread) {
  if (thread.paused == 0) return false;
  ++thread.unwatched;
  return true;
}

// A lock that is not on the held stack is given up: whether it may be one taken unwatched, then counted off.
inline bool gives_up_unwatched(ThreadState& thread) {
  if (thread.unwatched == 0) return false;
  --thread.unwatched;
  return true;
}

}  // namespace faultline
