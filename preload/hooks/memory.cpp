// The calls that change the process's memory mappings: each waits for mmap_lock (fault/mmap_lock.h).
//
// They come before our constructor, from allocators, from signal handlers and from forked children, so the
// functions behind them are found without dlsym (functions.def, LATER).
#include <stdarg.h>

#include "fault/map_changes.h"
#include "fault/mmap_lock.h"
#include "hooks/hook.h"

using namespace faultline;

FAULTLINE_EXPORT void* mmap(void* address, size_t length, int protection, int flags, int fd,
                            off_t offset) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  const MappingsMayGo may_go((flags & MAP_FIXED) != 0);
  void* const at = real::mmap(address, length, protection, flags, fd, offset);
  if (map_changes_are_watched() && at != MAP_FAILED)
    mapping_made({reinterpret_cast<std::uintptr_t>(at), length, flags, fd});
  return at;
}

FAULTLINE_EXPORT int munmap(void* address, size_t length) noexcept {
  before_mapping_change(FAULTLINE_CALL_POINT);
  const MappingsMayGo may_go;
  return real::munmap(address, length);
}

// The fifth word is only looked at with MREMAP_FIXED or MREMAP_DONTUNMAP; to pass on one that was not given
// is harmless.
FAULTLINE_EXPORT void* mremap(void* address, size_t old_length, size_t length, int flags, ...) noexcept {
  va_list arguments;
  va_start(arguments, flags);
  void* wanted = va_arg(arguments, void*);
  va_end(arguments);
  before_mapping_change(FAULTLINE_CALL_POINT);
  const MappingsMayGo may_go;
  return real::mremap(address, old_length, length, flags, wanted);
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
  if (const std::optional<Mode> mode = madvise_mode(advice))
    before_mapping_change(FAULTLINE_CALL_POINT, *mode);
  return real::madvise(address, length, advice);
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
