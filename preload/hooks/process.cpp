// fork, and what the unwinder asks of libc.
#include "hooks/hook.h"
#include "record/unwinder.h"
#include "runtime.h"

using namespace faultline;

FAULTLINE_EXPORT pid_t fork() noexcept {
  if (!recording()) return real::fork();
  before_fork();
  const pid_t result = real::fork();
  Guard guard;
  after_fork(result == 0, guard ? &guard.thread() : nullptr);
  return result;
}

FAULTLINE_EXPORT int dl_iterate_phdr(int (*callback)(dl_phdr_info*, std::size_t, void*), void* data) {
  return asked_by_unwinder(FAULTLINE_CALL_POINT) ? answer_phdr(callback, data)
                                                 : real::dl_iterate_phdr(callback, data);
}

FAULTLINE_EXPORT int pipe2(int ends[2], int flags) noexcept {
  return asked_by_unwinder(FAULTLINE_CALL_POINT) ? answer_pipe(ends) : real::pipe2(ends, flags);
}

FAULTLINE_EXPORT ssize_t write(int fd, const void* buffer, size_t size) {
  return asked_by_unwinder(FAULTLINE_CALL_POINT) ? answer_write(buffer) : real::write(fd, buffer, size);
}

FAULTLINE_ALIAS(__write, write);
