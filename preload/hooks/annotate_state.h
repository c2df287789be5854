// The calls of annotate.h about what must be so: assertions, guarded state, tokens, faults ruled out.
#pragma once

#include <cstddef>

namespace faultline::annotated {

void assert_held(const volatile void* lock, int mode);
void assert_not_held(const volatile void* lock);
void state_read(const volatile void* state, const char* name);
void state_write(const volatile void* state, const char* name);
void state_racy_read(const volatile void* state, const char* name);
void state_created(const volatile void* state);
void token_give(const volatile void* object, const char* name);
void token_revoke(const volatile void* object, const char* name);
void token_require(const volatile void* object, const char* name);
void token_take(const volatile void* object, const char* name);
void fault_disable();
void fault_enable();

}  // namespace faultline::annotated
