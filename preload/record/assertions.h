// What the program says must be so (annotate.h) and is not: records of kind `assertion`.
//
// Each is written once per place, held set and what it is about, up to a bound per place: what fails in a
// loop over a million inodes fails for one reason.
#pragma once

#include "record/dependencies.h"
#include "record/named_things.h"

namespace faultline {

// The calling thread must hold the lock at this address, exclusively or in any mode; must not hold it. Not in
// a guarded section. Cost when it does: a walk over what it holds.
void assert_held(const volatile void* lock, bool exclusively, CallPoint at);
void assert_not_held(const volatile void* lock, CallPoint at);

// A token that must be there is not. In guarded sections.
struct MissingToken {
  const volatile void* object;
  const char* name;
  LastTime given;
  LastTime revoked;
  bool taken;  // the call would have used it up
};
void token_missing(Guard& guard, const MissingToken& token, CallPoint at);

// `waiter`, stopped in a page fault at `stack`, has ruled faults out (thread.faults_disabled). In a guarded
// section of its server.
void faulted_while_disabled(ThreadState& server, ThreadState& waiter, StackId stack, const FaultFacts& fault);

}  // namespace faultline
