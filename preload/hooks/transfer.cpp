// Calls that move bytes between memory and a descriptor.
#include "fault/context_messages.h"
#include "hooks/hook.h"
#include "record/unwinder.h"

using namespace faultline;

namespace {

ssize_t after_read(int fd, void* buffer, ssize_t got, CallPoint at) {
  if (got <= 0) return got;
  const iovec piece{buffer, static_cast<std::size_t>(got)};
  context_was_read(fd, &piece, 1, got, at);
  return got;
}

}  // namespace

FAULTLINE_EXPORT ssize_t read(int fd, void* buffer, size_t size) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (asked_by_unwinder(at)) return answer_read();
  if (!may_be_fault_context(fd)) return real::read(fd, buffer, size);
  return after_read(fd, buffer, real::read(fd, buffer, size), at);
}

FAULTLINE_EXPORT ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room) {
  if (!may_be_fault_context(fd)) return real::__read_chk(fd, buffer, size, room);
  return after_read(fd, buffer, real::__read_chk(fd, buffer, size, room), FAULTLINE_CALL_POINT);
}
FAULTLINE_ALIAS(__read, read);
