// The table behind include/faultline/annotate.h.
#include "faultline/annotate.h"

#include "hooks/hook.h"
#include "record/stacks.h"

using namespace faultline;

namespace {

bool known_kind(int kind, LockKind& result) {
  constexpr LockKind kinds[] = {LockKind::Mutex, LockKind::Rwlock, LockKind::Spin};
  if (kind < FAULTLINE_MUTEX || kind > FAULTLINE_SPIN) return false;
  result = kinds[kind - FAULTLINE_MUTEX];
  return true;
}

void name(const volatile void* lock, int kind, const char* text) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  LockKind known;
  Guard guard;
  if (!guard || lock == nullptr || text == nullptr || !known_kind(kind, known)) return;
  name_lock(guard, lock, known, call_site(guard, at), text);
}

void mmap_lock(const volatile void* lock, int kind) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  LockKind known;
  Guard guard;
  if (!guard || lock == nullptr || !known_kind(kind, known)) return;
  declare_mmap_lock(guard, lock, known, call_site(guard, at));
}

}  // namespace

FAULTLINE_EXPORT const faultline_annotations faultline_annotations;
const struct faultline_annotations faultline_annotations = {1, name, mmap_lock};
