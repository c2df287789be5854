#include "fault/context_messages.h"

#include <linux/userfaultfd.h>

#include <algorithm>
#include <cstring>

#include "fault/fault_service.h"
#include "options.h"
#include "runtime.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

// Reads what lies scattered over `pieces`, in order.
class Gathered {
 public:
  Gathered(const iovec* pieces, std::size_t count) : pieces_(pieces), count_(count) {}

  // The next `size` bytes; false: they are not there any more.
  bool take(void* to, std::size_t size) {
    auto* out = static_cast<char*>(to);
    while (size > 0) {
      iovec piece{};
      if (at_ == count_ || !sys::copy_argument(&piece, pieces_ + at_, sizeof piece)) return false;
      const std::size_t here = std::min(size, piece.iov_len - used_);
      if (!sys::copy_argument(out, static_cast<const char*>(piece.iov_base) + used_, here)) return false;
      out += here;
      size -= here;
      used_ += here;
      if (used_ != piece.iov_len) continue;
      ++at_;
      used_ = 0;
    }
    return true;
  }

 private:
  const iovec* pieces_;
  std::size_t count_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

void context_was_read(int fd, const iovec* pieces, std::size_t count, ssize_t got, CallPoint at) {
  if (got < static_cast<ssize_t>(sizeof(uffd_msg))) return;
  Guard guard;
  FaultContext context;
  if (!guard || !find_fault_context(guard, fd, context, at)) return;
  Gathered messages(pieces, count);
  uffd_msg message{};
  begin_messages(guard, context, at);
  for (auto left = static_cast<std::size_t>(got);
       left >= sizeof message && messages.take(&message, sizeof message); left -= sizeof message)
    message_read(guard, context, message, at);
  end_messages(guard);
}

void descriptors_received(const msghdr* message, CallPoint at) {
  if (message->msg_controllen < sizeof(cmsghdr) || !recording() || options.faults == Faults::Off) return;
  Guard guard;
  if (!guard) return;
  for (const cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(message), const_cast<cmsghdr*>(part))) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t size = part->cmsg_len - CMSG_LEN(0);
    for (std::size_t at_byte = 0; at_byte + sizeof(int) <= size; at_byte += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + at_byte, sizeof fd);
      FaultContext context;
      forget_descriptor(fd);
      find_fault_context(guard, fd, context, at);
    }
  }
}

}  // namespace faultline
