// What a userfaultfd server calls. In a process without a userfaultfd each of these is one load more than
// libc's.
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>

#include "fault/context_messages.h"
#include "fault/fault_service.h"
#include "fault/fuse_calls.h"
#include "fault/fuse_server.h"
#include "fault/served_ranges.h"
#include "fault/storm.h"
#include "hooks/hook.h"
#include "options.h"
#include "record/file_locks.h"
#include "record/unwinder.h"
#include "runtime.h"
#include "sys/own_memory.h"

using namespace faultline;

namespace {

constexpr unsigned long kUserfaultRequests = UFFDIO;  // the type byte of all its requests

bool is_userfault_request(unsigned long request) {
  return (request >> _IOC_TYPESHIFT & _IOC_TYPEMASK) == kUserfaultRequests && recording() &&
         options.faults != Faults::Off;
}

// UFFDIO_API, with the feature that names the faulting thread added; as the program asked where the kernel
// refuses that. The program's own memory is touched as the kernel would: its answer is stored there, and a
// bad address is EFAULT.
int agree_on_api(int fd, uffdio_api* api, CallPoint at) {
  uffdio_api asked{};
  if (!sys::copy_argument(&asked, api, sizeof asked)) return real::ioctl(fd, UFFDIO_API, api);
  if ((asked.features & UFFD_FEATURE_EVENT_REMOVE) != 0) storm_leaves_process_alone();
  uffdio_api with_thread = asked;
  with_thread.features |= UFFD_FEATURE_THREAD_ID;
  int result = real::ioctl(fd, UFFDIO_API, &with_thread);
  if (result != 0) {
    result = real::ioctl(fd, UFFDIO_API, api);
  } else if (!sys::store_result(api, &with_thread, sizeof with_thread)) {
    errno = EFAULT;
    return -1;
  }
  if (result == 0) {
    Guard guard;
    if (guard) add_fault_context(guard, fd, asked.features, at);
  }
  return result;
}

// The range whose faulting threads `request` sets free; false for other requests, where it says not to wake
// them, and for a bad address.
bool resolved_range(unsigned long request, const void* argument, std::uint64_t& start,
                    std::uint64_t& length) {
  struct RangeAndMode {
    uffdio_range range;
    std::uint64_t mode;
  };
  const auto range_and_mode = [&](std::uint64_t dont_wake) {
    RangeAndMode copy{};
    if (!sys::copy_argument(&copy, argument, sizeof copy) || (copy.mode & dont_wake) != 0) return false;
    start = copy.range.start;
    length = copy.range.len;
    return true;
  };
  constexpr unsigned kMove = 5;    // UFFDIO_MOVE (6.8), laid out as COPY, and UFFDIO_POISON (6.6): newer
  constexpr unsigned kPoison = 8;  // than some headers
  switch (_IOC_NR(request)) {
    case _UFFDIO_COPY:
    case kMove: {
      uffdio_copy copy{};
      if (!sys::copy_argument(&copy, argument, sizeof copy) || (copy.mode & UFFDIO_COPY_MODE_DONTWAKE) != 0)
        return false;
      start = copy.dst;
      length = copy.len;
      return true;
    }
    case _UFFDIO_ZEROPAGE:
    case _UFFDIO_CONTINUE:
    case kPoison:
      return range_and_mode(1);  // their MODE_DONTWAKE bits are the same
    case _UFFDIO_WRITEPROTECT:
      return range_and_mode(UFFDIO_WRITEPROTECT_MODE_DONTWAKE |
                            UFFDIO_WRITEPROTECT_MODE_WP);  // protecting wakes nobody
    case _UFFDIO_WAKE:
    case _UFFDIO_UNREGISTER: {
      uffdio_range range{};
      if (!sys::copy_argument(&range, argument, sizeof range)) return false;
      start = range.start;
      length = range.len;
      return true;
    }
    default:
      return false;
  }
}

bool context_is_own(Guard& guard, int fd, CallPoint at) {
  FaultContext context;
  return find_fault_context(guard, fd, context, at) && context.own_memory;
}

int request_of(int fd, unsigned long request, void* argument, CallPoint at) {
  if (request == UFFDIO_API) return agree_on_api(fd, static_cast<uffdio_api*>(argument), at);
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  Resolution resolution;
  resolution.count = 0;
  resolution.unseen = false;
  FaultContext context;
  if (!may_be_fault_context(fd)) forget_descriptor(fd);  // by such a request it shows that it is one
  if (resolved_range(request, argument, start, length)) {
    Guard guard;
    if (guard && find_fault_context(guard, fd, context, at))
      begin_resolution(guard, context, start, length, at, resolution);
  }
  const int result = real::ioctl(fd, request, argument);
  if (result != 0) {  // EEXIST wakes nobody either
    resolution_failed(resolution);
    return result;
  }
  Guard guard;
  if (!guard) return result;
  end_resolution(guard, resolution);
  uffdio_register range{};
  if (request == UFFDIO_REGISTER && find_fault_context(guard, fd, context, at) &&
      sys::copy_argument(&range, argument, sizeof range))
    range_registered(guard, context, range);
  if (request == UFFDIO_UNREGISTER && context_is_own(guard, fd, at)) remove_served_range(start, length);
  return result;
}

// Returns `result` of a wait for events: the thread was idle until now.
int after_idle(int result) {
  if (any_fault_context() || any_fuse_channel()) {
    Guard guard;
    if (guard) server_is_idle(guard.thread());
  }
  return result;
}

}  // namespace

FAULTLINE_EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (!is_userfault_request(request)) return real::ioctl(fd, request, argument);
  return request_of(fd, request, argument, FAULTLINE_CALL_POINT);
}

FAULTLINE_EXPORT int close(int fd) {
  if (asked_by_unwinder(FAULTLINE_CALL_POINT)) return 0;
  before_file_call(fd, FAULTLINE_CALL_POINT);  // the file's server is told and answers
  if (any_fuse_channel()) forget_fuse_channel(fd);
  const LockId service = any_fault_context() ? fault_context_closes(fd) : LockId{};
  if (any_file_lock()) file_closes(fd);
  const int result = real::close(fd);
  if (service) {
    Guard guard;
    if (guard) fault_context_closed(guard, service);
  }
  return result;
}

FAULTLINE_EXPORT int poll(pollfd* fds, nfds_t count, int timeout) {
  return after_idle(real::poll(fds, count, timeout));
}

FAULTLINE_EXPORT int __poll_chk(pollfd* fds, nfds_t count, int timeout, size_t room) {
  return after_idle(real::__poll_chk(fds, count, timeout, room));
}

FAULTLINE_EXPORT int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  return after_idle(real::ppoll(fds, count, timeout, mask));
}

FAULTLINE_EXPORT int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask,
                                 size_t room) {
  return after_idle(real::__ppoll_chk(fds, count, timeout, mask, room));
}

FAULTLINE_EXPORT int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                            timeval* timeout) {
  return after_idle(real::select(count, readable, writable, exceptional, timeout));
}

FAULTLINE_EXPORT int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional,
                             const timespec* timeout, const sigset_t* mask) {
  return after_idle(real::pselect(count, readable, writable, exceptional, timeout, mask));
}

FAULTLINE_EXPORT int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  return after_idle(real::epoll_wait(fd, events, most, timeout));
}

FAULTLINE_EXPORT int epoll_pwait(int fd, epoll_event* events, int most, int timeout, const sigset_t* mask) {
  return after_idle(real::epoll_pwait(fd, events, most, timeout, mask));
}

FAULTLINE_ALIAS(__close, close);
