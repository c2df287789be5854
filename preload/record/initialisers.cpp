#include "record/initialisers.h"

#include "runtime.h"

namespace faultline {
namespace {

std::uint64_t done_key(const volatile void* object) {
  return key_of(Key::Initialised, reinterpret_cast<std::uint64_t>(object));
}

void forget_if_done(const volatile void* object, LockKind kind) {
  KeyMap::Value* done = remembered.find(done_key(object));
  if (done != nullptr && done->exchange(0, std::memory_order_acq_rel) != 0) lock_destroyed(object, kind);
}

}  // namespace

bool before_initialiser(const volatile void* object, LockKind kind, bool fresh, CallPoint at) {
  if (fresh) forget_if_done(object, kind);
  before_wait(object, kind, Mode::Exclusive, WaitKind::Blocking, at, Cause::Once);
  return is_held(object);
}

void initialiser_left(const volatile void* object, bool done) {
  if (is_held(object)) before_release(object);
  if (!done) return;
  Guard guard;
  if (!guard) return;
  bool added;
  if (KeyMap::Value* value = remembered.find_or_add(done_key(object), &added))
    value->store(1, std::memory_order_release);
}

void remember_done_wait(const volatile void* object, LockKind kind, CallPoint at, std::uint64_t key) {
  before_plain_wait(object, kind, WaitKind::Blocking, at, Cause::Once);
  if (ThreadState* thread = tls.active) thread->known[key % ThreadState::kKnownKeys] = key;
}

}  // namespace faultline
