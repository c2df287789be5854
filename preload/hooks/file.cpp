// flock, lockf, and the record locks of fcntl.
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "hooks/hook.h"
#include "raw_syscall.h"
#include "record/file_locks.h"
#include "sys/own_memory.h"

using namespace faultline;

namespace {

constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};

// The bytes that `length` at `start` means, as the kernel has it: 0 for all that follow, negative for those
// before. False: a bad range, which the kernel will refuse.
bool range_from(std::int64_t start, std::int64_t length, FileRange& range) {
  std::int64_t end = start + length;
  if (length < 0) std::swap(start, end);
  if (start < 0) return false;
  range = {static_cast<std::uint64_t>(start), length == 0 ? kNoEnd : static_cast<std::uint64_t>(end)};
  return true;
}

std::int64_t position_of(int fd) {
  return sys::call(SYS_lseek, fd, 0, SEEK_CUR);
}

bool range_of(int fd, const struct flock& asked, FileRange& range) {
  std::int64_t base = 0;
  if (asked.l_whence == SEEK_CUR) base = position_of(fd);
  if (asked.l_whence == SEEK_END) {
    struct stat status {};
    if (sys::call(SYS_fstat, fd, sys::as_long(&status)) != 0) return false;
    base = status.st_size;
  }
  return base >= 0 && range_from(base + asked.l_start, asked.l_len, range);
}

// A wait that may be a cancellation point: a cancelled thread does not have the lock.
struct FileWait {
  const FileLock* lock;
  int fd;
  Mode mode;
  int result;
};

void wait_is_over(void* wait) {
  const auto& w = *static_cast<const FileWait*>(wait);
  file_wait_ended(w.lock, w.fd, w.mode, w.result == 0);
}

template <class Take>
int waiting(const FileLock* lock, int fd, Mode mode, CallPoint at, Take take) {
  if (lock == nullptr) return take();
  file_wait_begins(lock, fd, mode, at);
  FileWait wait{lock, fd, mode, -1};
  pthread_cleanup_push(wait_is_over, &wait);
  wait.result = take();
  pthread_cleanup_pop(1);
  return wait.result;
}

template <class Take>
int trying(const FileLock* lock, int fd, Mode mode, CallPoint at, Take take) {
  const int result = take();
  if (result == 0) file_lock_tried(lock, fd, mode, at);
  return result;
}

// fcntl's locks: which space, and whether the call waits. False: another command.
bool is_record_lock(int command, FileSpace& space, bool& waits) {
  space = command == F_OFD_SETLK || command == F_OFD_SETLKW ? FileSpace::Description : FileSpace::Process;
  waits = command == F_SETLKW || command == F_OFD_SETLKW;
  return waits || command == F_SETLK || command == F_OFD_SETLK;
}

template <class Take>
int record_lock(int fd, FileSpace space, bool waits, const struct flock& asked, CallPoint at, Take take) {
  FileRange range;
  if (!range_of(fd, asked, range)) return take();
  if (asked.l_type == F_UNLCK) {
    file_locks_released(fd, space, range);
    return take();
  }
  const Mode mode = asked.l_type == F_RDLCK ? Mode::SharedRecursive : Mode::Exclusive;
  const FileLock* lock = file_lock(fd, space, range, mode);
  return waits ? waiting(lock, fd, mode, at, take) : trying(lock, fd, mode, at, take);
}

}  // namespace

// An operation that is refused changes nothing but a lock whose mode it was to change: that one is lost.
FAULTLINE_EXPORT int flock(int fd, int operation) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const auto take = [=] { return real::flock(fd, operation); };
  constexpr FileRange kWhole{0, kNoEnd};
  switch (operation & ~LOCK_NB) {
    case LOCK_UN:
      if (any_file_lock()) file_locks_released(fd, FileSpace::Flock, kWhole);
      return take();
    case LOCK_SH:
    case LOCK_EX: {
      const Mode mode = (operation & LOCK_SH) != 0 ? Mode::SharedRecursive : Mode::Exclusive;
      const FileLock* lock = file_lock(fd, FileSpace::Flock, kWhole, mode);
      return (operation & LOCK_NB) != 0 ? trying(lock, fd, mode, at, take)
                                        : waiting(lock, fd, mode, at, take);
    }
    default:
      return take();
  }
}

FAULTLINE_EXPORT int lockf(int fd, int command, off_t length) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  const auto take = [=] { return real::lockf(fd, command, length); };
  if (command != F_LOCK && command != F_TLOCK && command != F_ULOCK) return take();
  struct flock asked {};
  asked.l_type = command == F_ULOCK ? F_UNLCK : F_WRLCK;
  asked.l_whence = SEEK_CUR;
  asked.l_len = length;
  return record_lock(fd, FileSpace::Process, command == F_LOCK, asked, at, take);
}
FAULTLINE_ALIAS(lockf64, lockf);

FAULTLINE_EXPORT int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  const auto take = [=] { return real::fcntl(fd, command, argument); };
  FileSpace space;
  bool waits;
  if (!is_record_lock(command, space, waits)) return take();
  struct flock asked {};
  if (!sys::copy_argument(&asked, argument, sizeof asked)) return take();
  return record_lock(fd, space, waits, asked, FAULTLINE_CALL_POINT, take);
}
FAULTLINE_ALIAS(fcntl64, fcntl);
