// What a userfaultfd server calls. In a process without a userfaultfd each of these is one load more than libc's.
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>

#include "fault/fault_service.h"
#include "hooks/hook.h"
#include "options.h"
#include "runtime.h"

using namespace faultline;

namespace {

constexpr unsigned long kUserfaultRequests = UFFDIO;  // the type byte of all its requests

bool is_userfault_request(unsigned long request) {
  return (request >> _IOC_TYPESHIFT & _IOC_TYPEMASK) == kUserfaultRequests && recording() && options.faults != Faults::Off;
}

// UFFDIO_API, with the feature that names the faulting thread added; without it where the kernel refuses. The program reads back what the
// kernel offers, as ever.
int agree_on_api(int fd, uffdio_api* api, CallPoint at) {
  const uffdio_api asked = *api;
  api->features |= UFFD_FEATURE_THREAD_ID;
  int result = real::ioctl(fd, UFFDIO_API, api);
  if (result != 0 && (asked.features & UFFD_FEATURE_THREAD_ID) == 0) {
    *api = asked;
    result = real::ioctl(fd, UFFDIO_API, api);
  }
  if (result == 0) {
    Guard guard;
    if (guard) add_fault_context(guard, fd, at);
  }
  return result;
}

// The range whose faulting threads `request` sets free; false for other requests, and where it says not to wake them.
bool resolved_range(unsigned long request, const void* argument, std::uint64_t& start, std::uint64_t& length) {
  const auto range = [&](const uffdio_range& r, std::uint64_t mode, std::uint64_t dont_wake) {
    start = r.start;
    length = r.len;
    return (mode & dont_wake) == 0;
  };
  switch (request) {
    case UFFDIO_COPY: {
      const auto& copy = *static_cast<const uffdio_copy*>(argument);
      return range({copy.dst, copy.len}, copy.mode, UFFDIO_COPY_MODE_DONTWAKE);
    }
    case UFFDIO_ZEROPAGE: {
      const auto& zero = *static_cast<const uffdio_zeropage*>(argument);
      return range(zero.range, zero.mode, UFFDIO_ZEROPAGE_MODE_DONTWAKE);
    }
    case UFFDIO_CONTINUE: {
      const auto& present = *static_cast<const uffdio_continue*>(argument);
      return range(present.range, present.mode, UFFDIO_CONTINUE_MODE_DONTWAKE);
    }
    case UFFDIO_WRITEPROTECT: {
      const auto& protect = *static_cast<const uffdio_writeprotect*>(argument);
      return range(protect.range, protect.mode, UFFDIO_WRITEPROTECT_MODE_DONTWAKE);
    }
    case UFFDIO_WAKE:
    case UFFDIO_UNREGISTER:
      return range(*static_cast<const uffdio_range*>(argument), 0, 1);
    default:
      // Newer than this machine's headers, with the layout range, mode: UFFDIO_POISON.
      constexpr unsigned kPoison = 8;
      if (_IOC_NR(request) != kPoison) return false;
      const auto& poison = *static_cast<const uffdio_zeropage*>(argument);
      return range(poison.range, poison.mode, 1);
  }
}

int request_of(int fd, unsigned long request, void* argument, CallPoint at) {
  if (request == UFFDIO_API) return agree_on_api(fd, static_cast<uffdio_api*>(argument), at);
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  Resolution resolution;
  resolution.count = 0;
  FaultContext context;
  if (resolved_range(request, argument, start, length)) {
    Guard guard;
    if (guard && find_fault_context(fd, context)) begin_resolution(guard, context, start, length, at, resolution);
  }
  const int result = real::ioctl(fd, request, argument);
  Guard guard;
  if (!guard || (result != 0 && errno != EEXIST)) return result;
  end_resolution(resolution);
  if (request == UFFDIO_REGISTER && result == 0 && find_fault_context(fd, context))
    range_registered(guard, context, *static_cast<const uffdio_register*>(argument));
  return result;
}

// Returns `result` of a wait for events: the thread was idle until now.
int after_idle(int result) {
  if (any_fault_context()) {
    Guard guard;
    if (guard) server_is_idle(guard.thread());
  }
  return result;
}

ssize_t after_read(int fd, const void* buffer, ssize_t got, CallPoint at) {
  if (got < static_cast<ssize_t>(sizeof(uffd_msg))) return got;
  Guard guard;
  FaultContext context;
  if (guard && find_fault_context(fd, context))
    messages_read(guard, context, static_cast<const uffd_msg*>(buffer), static_cast<std::size_t>(got) / sizeof(uffd_msg), at);
  return got;
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

FAULTLINE_EXPORT ssize_t read(int fd, void* buffer, size_t size) {
  if (!is_fault_context(fd)) return real::read(fd, buffer, size);
  return after_read(fd, buffer, real::read(fd, buffer, size), FAULTLINE_CALL_POINT);
}

FAULTLINE_EXPORT ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room) {
  if (!is_fault_context(fd)) return real::__read_chk(fd, buffer, size, room);
  return after_read(fd, buffer, real::__read_chk(fd, buffer, size, room), FAULTLINE_CALL_POINT);
}

FAULTLINE_EXPORT int close(int fd) {
  if (any_fault_context()) remove_fault_context(fd);
  return real::close(fd);
}

FAULTLINE_EXPORT int poll(pollfd* fds, nfds_t count, int timeout) { return after_idle(real::poll(fds, count, timeout)); }

FAULTLINE_EXPORT int __poll_chk(pollfd* fds, nfds_t count, int timeout, size_t room) {
  return after_idle(real::__poll_chk(fds, count, timeout, room));
}

FAULTLINE_EXPORT int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  return after_idle(real::ppoll(fds, count, timeout, mask));
}

FAULTLINE_EXPORT int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room) {
  return after_idle(real::__ppoll_chk(fds, count, timeout, mask, room));
}

FAULTLINE_EXPORT int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout) {
  return after_idle(real::select(count, readable, writable, exceptional, timeout));
}

FAULTLINE_EXPORT int pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const timespec* timeout, const sigset_t* mask) {
  return after_idle(real::pselect(count, readable, writable, exceptional, timeout, mask));
}

FAULTLINE_EXPORT int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  return after_idle(real::epoll_wait(fd, events, most, timeout));
}

FAULTLINE_EXPORT int epoll_pwait(int fd, epoll_event* events, int most, int timeout, const sigset_t* mask) {
  return after_idle(real::epoll_pwait(fd, events, most, timeout, mask));
}

FAULTLINE_ALIAS(__read, read);
FAULTLINE_ALIAS(__close, close);
