// Guarded state (annotate.h): who reads and writes it, and what each holds meanwhile, for the analyzer to
// intersect.
//
// Each piece of state goes through the phases of Eraser (Savage, Burrows, Nelson, Sobalvarro, Anderson:
// "Eraser: A Dynamic Data Race Detector for Multithreaded Programs", ACM TOCS 15(4), 1997): as long as only
// its first thread has touched it, it is being initialised and nothing is recorded; with the first access of
// a second thread it is shared, for good, and that access and all later ones of any thread are recorded,
// reads and writes. Whether it is only read from then on, and what excludes what, is for the analyzer.
//
// A million objects of one name tell no more than some: the first thousand that are shared are watched, and
// each further one from its first access of a rare kind on (name, place, classes of locks held). What is done
// to the others is passed over.
//
// An access is written once per thread and epoch, held set with call sites, call site, state, and whether it
// writes. A thread that serves page faults holds what the threads hold that wait for it, too
// (fault/on_behalf.h).
#pragma once

#include "record/named_things.h"
#include "record/thread_state.h"

namespace faultline {

// The word of a state that nobody has touched: a new id, no owner.
std::uint64_t fresh_state_word();

// An access of the calling thread. Not in a guarded section. Cost when known, and while the state is being
// initialised: find_thing, and a look-up of the call point; no lock and no write to shared memory.
void state_accessed(const volatile void* state, const char* name, bool writes, CallPoint at);

}  // namespace faultline
