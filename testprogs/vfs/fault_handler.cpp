#include "fault_handler.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "panic.h"

namespace tvfs {
namespace {

int make_eventfd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC);
  if (fd < 0) panic("eventfd", errno);
  return fd;
}

FaultKind kind_of(const uffd_msg& message) {
  const auto flags = message.arg.pagefault.flags;
  if ((flags & UFFD_PAGEFAULT_FLAG_WP) != 0) return FaultKind::WriteProtected;
  return (flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0 ? FaultKind::Write : FaultKind::Read;
}

}  // namespace

FaultHandler::FaultHandler(Mm& mm)
    : mm_(mm),
      stop_(make_eventfd()),
      thread_(
          "fault-handler", [](void* self) { static_cast<FaultHandler*>(self)->serve(); }, this) {}

FaultHandler::~FaultHandler() {
  if (::eventfd_write(stop_, 1) != 0) panic("eventfd_write", errno);
  thread_.join();
  ::close(stop_);
}

void FaultHandler::serve() {
  pollfd wanted[] = {{.fd = mm_.uffd.fd(), .events = POLLIN, .revents = 0},
                     {.fd = stop_, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (::poll(wanted, 2, -1) < 0) {
      if (errno == EINTR) continue;
      panic("poll", errno);
    }
    uffd_msg message;
    if (mm_.uffd.next(message))
      do_user_addr_fault(mm_, message.arg.pagefault.address, kind_of(message));
    else if (wanted[1].revents != 0)
      return;
  }
}

}  // namespace tvfs
