#include "fault_handler.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "panic.h"
#include "sigbus.h"

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

bool serve_trap(void* self, const Trap& trap) {
  const FaultKind kind = !trap.store    ? FaultKind::Read
                         : trap.present ? FaultKind::WriteProtected
                                        : FaultKind::Write;
  return do_user_addr_fault(*static_cast<Mm*>(self), trap.address, kind) == 0;
}

// The handler could not serve this touch. Each touch is to be judged anew, as a kernel does: the page may be
// had by then.
bool end_of_poison(void* self, const Trap& trap) {
  static_cast<Mm*>(self)->uffd.unmap_page(trap.address / kPageSize * kPageSize);
  return false;
}

}  // namespace

FaultHandler::FaultHandler(Mm& mm) : mm_(mm), stop_(make_eventfd()) {
  if (mm.uffd.served_by() == FaultsBy::Sigbus) {
    set_trap_server(serve_trap, &mm);
    return;
  }
  set_trap_server(end_of_poison, &mm);
  thread_.emplace(
      "fault-handler", [](void* self) { static_cast<FaultHandler*>(self)->serve(); }, this);
}

FaultHandler::~FaultHandler() {
  if (thread_) {
    if (::eventfd_write(stop_, 1) != 0) panic("eventfd_write", errno);
    thread_->join();
  }
  set_trap_server(nullptr, nullptr);
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
