#include "record/waits.h"

#include "record/dependencies.h"
#include "record/stacks.h"

namespace faultline {

void record_plain_wait(Guard& guard, LockId lock, LockKind kind, const volatile void* address, WaitKind wait,
                       CallPoint at, Cause cause) {
  ThreadState& thread = guard.thread();
  const Place place = call_site(guard, at).place;
  const std::uint64_t key =
      mix(chain_key(top_key(thread), lock, Mode::Exclusive, place.site), static_cast<std::uint64_t>(cause));
  if (already_recorded(thread, key)) return;
  record_dependency(thread, thread, held_set(thread, thread), key,
                    Wait{lock, kind, address, Mode::Exclusive, place.stack, cause, wait == WaitKind::Timed});
}

void before_plain_wait(const volatile void* object, LockKind kind, WaitKind wait, CallPoint at, Cause cause) {
  if (!waits_for_others()) return;
  Guard guard;
  if (!guard) return;
  const LockId lock = identify(guard, object, kind, call_site(guard, at).place.stack);
  if (lock) record_plain_wait(guard, lock, kind, object, wait, at, cause);
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
