// Tokens (annotate.h): a permission that some call gives and another one needs, whatever threads they are on.
//
// Any thread, in guarded sections. That a token is there is one word, so of two threads that take it at once
// one finds it gone; where it was last given and revoked is told with it, and may be off by a moment where
// threads do both at once.
#pragma once

#include "record/named_things.h"
#include "record/thread_state.h"

namespace faultline {

void give_token(Guard& guard, const volatile void* object, const char* name, CallPoint at);
void revoke_token(Guard& guard, const volatile void* object, const char* name, CallPoint at);

// The same by a signal handler that has interrupted the shim itself: no guarded section can be had, so only
// the fact is kept, and where the token is not known yet it is counted as lost.
void token_changed_reentered(const volatile void* object, const char* name, bool given);

// An assertion is recorded where it is not there. `take`: it is used up.
void require_token(Guard& guard, const volatile void* object, const char* name, bool take, CallPoint at);

}  // namespace faultline
