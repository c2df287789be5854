// The table behind include/faultline/annotate.h.
#include "faultline/annotate.h"

#include "fault/may_fault.h"
#include "hooks/annotate_state.h"
#include "hooks/hook.h"
#include "record/lock_records.h"
#include "record/pause.h"
#include "record/stacks.h"
#include "record/subclass.h"
#include "wait/wait.h"

using namespace faultline;

namespace {

bool known_kind(int kind, LockKind& result) {
  constexpr LockKind kinds[] = {LockKind::Mutex, LockKind::Rwlock, LockKind::Spin, LockKind::Custom,
                                LockKind::GMutex};
  if (kind < FAULTLINE_MUTEX || kind > FAULTLINE_GMUTEX) return false;
  result = kinds[kind - FAULTLINE_MUTEX];
  return true;
}

Mode mode_of(int mode) {
  constexpr int kModes = 3;
  switch (mode & kModes) {
    case FAULTLINE_SHARED:
      return Mode::SharedRecursive;
    case FAULTLINE_SHARED_FAIR:
      return Mode::SharedFair;
    default:
      return Mode::Exclusive;
  }
}

// Calls `tell` with the guard, the lock's kind and the call's site, unless the arguments are no lock's.
template <class Tell>
void about(const volatile void* lock, int kind, CallPoint at, Tell tell) {
  LockKind known;
  Guard guard;
  if (!guard || lock == nullptr || !known_kind(kind, known)) return;
  tell(guard, known, call_site(guard, at));
}

void name(const volatile void* lock, int kind, const char* text) {
  if (text == nullptr) return;
  about(lock, kind, FAULTLINE_CALL_POINT,
        [=](Guard& guard, LockKind known, CallSite& site) { name_lock(guard, lock, known, site, text); });
}

void name_class(const volatile void* lock, int kind, const char* text) {
  if (text == nullptr) return;
  about(lock, kind, FAULTLINE_CALL_POINT, [=](Guard& guard, LockKind known, CallSite& site) {
    name_class_of(guard.thread(), told_apart(lock, known, identify(guard, lock, known, site)), text);
  });
}

void mmap_lock(const volatile void* lock, int kind) {
  about(lock, kind, FAULTLINE_CALL_POINT,
        [=](Guard& guard, LockKind known, CallSite& site) { declare_mmap_lock(guard, lock, known, site); });
}

void created(const volatile void* lock, const char* text) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (lock == nullptr) return;
  before_init(lock, LockKind::Custom, at);
  if (text == nullptr) return;
  about(lock, FAULTLINE_CUSTOM, at,
        [=](Guard& guard, LockKind known, CallSite& site) { name_lock(guard, lock, known, site, text); });
}

void destroyed(const volatile void* lock) {
  if (lock != nullptr) lock_destroyed(lock, LockKind::Custom);
}

bool is_held_by_caller(const volatile void* lock) {
  Guard guard;
  if (!guard) return false;
  ThreadState& thread = guard.thread();
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry)
    if (entry->address == lock) return true;
  return false;
}

// Whether the wait, if there is one, is without a time limit.
bool take(const volatile void* lock, int mode, CallPoint at) {
  if ((mode & FAULTLINE_RECURSIVE) != 0 && is_held_by_caller(lock)) {
    acquired_by_try(lock, LockKind::Custom, mode_of(mode), at);
    return false;
  }
  const bool timed = (mode & FAULTLINE_TIMED) != 0;
  before_wait(lock, LockKind::Custom, mode_of(mode), timed ? WaitKind::Timed : WaitKind::Blocking, at);
  return !timed;
}

// The wait that the calling thread has announced last; one at a time.
void announce(const volatile void* lock, bool published) {
  Guard guard;
  if (!guard) return;
  __atomic_store_n(&guard.thread().announced, const_cast<const void*>(lock), __ATOMIC_RELAXED);
  guard.thread().announced_is_published = published;
}

bool was_announced(const volatile void* lock) {
  Guard guard;
  if (!guard || guard.thread().announced != lock) return false;
  ThreadState& thread = guard.thread();
  __atomic_store_n(&thread.announced, nullptr, __ATOMIC_RELAXED);
  if (thread.announced_is_published) wait_ends();
  thread.announced_is_published = false;
  return true;
}

void acquire_begin(const volatile void* lock, int mode) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (lock == nullptr) return;
  announce(lock, false);
  if (take(lock, mode, at) && own_lock_wait_begins(lock, mode_of(mode))) announce(lock, true);
}

void acquired(const volatile void* lock, int mode) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (lock != nullptr && !was_announced(lock)) static_cast<void>(take(lock, mode, at));
}

void acquire_failed(const volatile void* lock) {
  if (lock != nullptr && was_announced(lock)) wait_failed(lock);
}

void try_acquired(const volatile void* lock, int mode) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (lock != nullptr) acquired_by_try(lock, LockKind::Custom, mode_of(mode), at);
}

void release(const volatile void* lock) {
  if (lock != nullptr) before_release(lock);
}

void nested(unsigned subclass) {
  Guard guard;
  if (guard) next_subclass(guard.thread(), subclass);
}

void might_fault(const volatile void* address, size_t length) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  Guard guard;
  if (guard) may_fault(guard, reinterpret_cast<std::uintptr_t>(address), length, at);
}

void recording_here(int on) {
  Guard guard;
  if (guard) pause_recording(guard.thread(), on == 0);
}

}  // namespace

FAULTLINE_EXPORT const faultline_annotations faultline_annotations;
const struct faultline_annotations faultline_annotations = {
    .version = 3,
    .name_lock = name,
    .mmap_lock = mmap_lock,
    .name_class = name_class,
    .created = created,
    .destroyed = destroyed,
    .acquire_begin = acquire_begin,
    .acquired = acquired,
    .acquire_failed = acquire_failed,
    .try_acquired = try_acquired,
    .release = release,
    .nested = nested,
    .might_fault = might_fault,
    .recording = recording_here,
    .assert_held = annotated::assert_held,
    .assert_not_held = annotated::assert_not_held,
    .state_read = annotated::state_read,
    .state_write = annotated::state_write,
    .state_racy_read = annotated::state_racy_read,
    .state_created = annotated::state_created,
    .token_give = annotated::token_give,
    .token_revoke = annotated::token_revoke,
    .token_require = annotated::token_require,
    .token_take = annotated::token_take,
    .fault_disable = annotated::fault_disable,
    .fault_enable = annotated::fault_enable,
};
