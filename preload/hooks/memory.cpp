// The calls that change the process's memory mappings: each waits for mmap_lock (fault/mmap_lock.h).
//
// They come before our constructor, from allocators, from signal handlers and from forked children, so the
// functions behind them are found without dlsym (functions.def, LATER).
#include <stdarg.h>

#include "fault/map_changes.h"
#include "fault/mmap_lock.h"
#include "fault/service_events.h"
#include "hooks/hook.h"

using namespace faultline;

namespace {

std::uintptr_t address_of(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory);
}

// Of served pages, these send a message that the caller waits for.
bool drops_pages(int advice) {
  constexpr int kDontneedLocked = 24;  // MADV_DONTNEED_LOCKED, newer than some headers
  return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == kDontneedLocked;
}

}  // namespace

FAULTLINE_EXPORT void* mmap(void* address, size_t length, int protection, int flags, int fd,
                            off_t offset) noexcept {
  const CallPoint caller = FAULTLINE_CALL_POINT;
  before_mapping_change(caller);
  const bool replaces = (flags & MAP_FIXED) != 0;
  const MappingsMayGo may_go(replaces);
  MemoryChange change =
      served_memory_changes(address_of(address), replaces ? length : 0, FaultEvent::Unmap, caller);
  void* const at = real::mmap(address, length, protection, flags, fd, offset);
  served_memory_changed(change, at != MAP_FAILED);
  if (map_changes_are_watched() && at != MAP_FAILED)
    mapping_made({reinterpret_cast<std::uintptr_t>(at), length, flags, fd});
  return at;
}

FAULTLINE_EXPORT int munmap(void* address, size_t length) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_mapping_change(at);
  const MappingsMayGo may_go;
  MemoryChange change = served_memory_changes(address_of(address), length, FaultEvent::Unmap, at);
  const int result = real::munmap(address, length);
  served_memory_changed(change, result == 0);
  return result;
}

// The fifth word is only looked at with MREMAP_FIXED or MREMAP_DONTUNMAP; to pass on one that was not given
// is harmless.
FAULTLINE_EXPORT void* mremap(void* address, size_t old_length, size_t length, int flags, ...) noexcept {
  va_list arguments;
  va_start(arguments, flags);
  void* wanted = va_arg(arguments, void*);
  va_end(arguments);
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_mapping_change(at);
  const MappingsMayGo may_go;
  const std::uintptr_t tail = address_of(address) + length;
  MemoryChange shrinks =
      served_memory_changes(tail, length < old_length ? old_length - length : 0, FaultEvent::Unmap, at);
  MemoryChange replaces = served_memory_changes(address_of(wanted), (flags & MREMAP_FIXED) != 0 ? length : 0,
                                                FaultEvent::Unmap, at);
  const bool may_move = (flags & MREMAP_MAYMOVE) != 0;
  MemoryChange moves =
      served_memory_changes(address_of(address), may_move ? old_length : 0, FaultEvent::Remap, at);
  void* const moved = real::mremap(address, old_length, length, flags, wanted);
  const bool done = moved != MAP_FAILED;
  // Innermost first; what was there goes before what comes.
  const bool leaves_old = (flags & MREMAP_DONTUNMAP) != 0;
  if (!done || leaves_old) served_memory_changed(moves, false);
  served_memory_changed(replaces, done);
  served_memory_changed(shrinks, done);
  if (done && !leaves_old) served_memory_moved(moves, address_of(moved), length);
  return moved;
}

FAULTLINE_EXPORT int mprotect(void* address, size_t length, int protection) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::mprotect(address, length, protection);
}

FAULTLINE_EXPORT int pkey_mprotect(void* address, size_t length, int protection, int key) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::pkey_mprotect(address, length, protection, key);
}

FAULTLINE_EXPORT int madvise(void* address, size_t length, int advice) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (const std::optional<Mode> mode = madvise_mode(advice)) before_mapping_change(at, *mode);
  MemoryChange change =
      served_memory_changes(address_of(address), drops_pages(advice) ? length : 0, FaultEvent::Remove, at);
  const int result = real::madvise(address, length, advice);
  served_memory_changed(change, result == 0);
  return result;
}

// POSIX_MADV_DONTNEED is nothing in glibc; the others have madvise's numbers.
FAULTLINE_EXPORT int posix_madvise(void* address, size_t length, int advice) noexcept {
  if (const std::optional<Mode> mode = madvise_mode(advice); mode && advice != POSIX_MADV_DONTNEED)
    before_mapping_change(FAULTLINE_CALL_POINT, *mode);
  return real::posix_madvise(address, length, advice);
}

FAULTLINE_EXPORT int brk(void* end) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::brk(end);
}

FAULTLINE_EXPORT void* sbrk(intptr_t increment) noexcept {
  if (increment != 0) before_mapping_change(FAULTLINE_CALL_POINT);  // else it only tells the end
  return real::sbrk(increment);
}

FAULTLINE_EXPORT int mlock(const void* address, size_t length) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::mlock(address, length);
}

FAULTLINE_EXPORT int mlock2(const void* address, size_t length, unsigned flags) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::mlock2(address, length, flags);
}

FAULTLINE_EXPORT int munlock(const void* address, size_t length) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::munlock(address, length);
}

FAULTLINE_EXPORT int mlockall(int flags) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::mlockall(flags);
}

FAULTLINE_EXPORT int munlockall() noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  return real::munlockall();
}

FAULTLINE_ALIAS(mmap64, mmap);
