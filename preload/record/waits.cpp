#include "record/waits.h"

#include "record/held_stack.h"
#include "record/stacks.h"

namespace faultline {

void record_plain_wait(Guard& guard, LockWord lock, LockKind kind, const volatile void* address,
                       WaitKind wait, CallPoint at, Cause cause) {
  ThreadState& thread = guard.thread();
  const CallSite& site = call_site(guard, at);
  const std::uint64_t key = chain_key(top_key(thread), lock, Mode::Exclusive, site.key);
  HeldLock wanted{
      const_cast<const void*>(address), key, lock, site.place, HeldId{}, kind, Mode::Exclusive, false, false};
  record_wait(thread, wanted, wait, cause);
}

void record_plain_wait(const volatile void* object, LockKind kind, WaitKind wait, CallPoint at, Cause cause,
                       std::uint64_t key) {
  Guard guard;
  if (!guard) return;
  const LockWord lock = identify(guard, object, kind, call_site(guard, at));
  if (!lock) return;
  record_plain_wait(guard, lock, kind, object, wait, at, cause);
  guard.thread().learn(key);
}

void release_newest(LockKind kind) {
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  for (const HeldLock* entry = thread.top; entry != thread.base; --entry) {
    if (entry[-1].kind != kind) continue;
    remove_held(thread, entry[-1].address);
    return;
  }
}

}  // namespace faultline
