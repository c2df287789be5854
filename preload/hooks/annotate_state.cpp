#include "hooks/annotate_state.h"

#include "faultline/annotate.h"
#include "hooks/hook.h"
#include "record/assertions.h"
#include "record/guarded_state.h"
#include "record/stacks.h"
#include "record/tokens.h"

namespace faultline::annotated {

void assert_held(const volatile void* lock, int mode) {
  constexpr int kModes = 3;
  faultline::assert_held(lock, (mode & kModes) == FAULTLINE_EXCLUSIVE, FAULTLINE_CALL_POINT);
}

void assert_not_held(const volatile void* lock) {
  faultline::assert_not_held(lock, FAULTLINE_CALL_POINT);
}

void state_read(const volatile void* state, const char* name) {
  state_accessed(state, name, false, FAULTLINE_CALL_POINT);
}

void state_write(const volatile void* state, const char* name) {
  state_accessed(state, name, true, FAULTLINE_CALL_POINT);
}

// Says that nothing is to be said.
void state_racy_read(const volatile void*, const char*) {}

void state_created(const volatile void* state) {
  Guard guard;
  if (guard) object_created(state);
}

void token_give(const volatile void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (name == nullptr) return;
  Guard guard;
  if (guard) {
    give_token(guard, object, name, at);
  } else if (shim_is_busy()) {
    token_changed_reentered(object, name, true);
  }
}

void token_revoke(const volatile void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (name == nullptr) return;
  Guard guard;
  if (guard) {
    revoke_token(guard, object, name, at);
  } else if (shim_is_busy()) {
    token_changed_reentered(object, name, false);
  }
}

void token_require(const volatile void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  if (guard && name != nullptr) require_token(guard, object, name, false, at);
}

void token_take(const volatile void* object, const char* name) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  if (guard && name != nullptr) require_token(guard, object, name, true, at);
}

void fault_disable() {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  if (guard && guard.thread().faults_disabled++ == 0)
    guard.thread().faults_disabled_at = call_site(guard, at).place.stack;
}

void fault_enable() {
  Guard guard;
  if (guard && guard.thread().faults_disabled != 0) --guard.thread().faults_disabled;
}

}  // namespace faultline::annotated
