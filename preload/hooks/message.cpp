// Calls that move bytes between memory and a socket, or the memory of two processes.
#include <sys/socket.h>
#include <sys/uio.h>

#include "fault/context_messages.h"
#include "fault/fuse_mounts.h"
#include "fault/transfers.h"
#include "hooks/hook.h"
#include "raw_syscall.h"

using namespace faultline;

namespace {

struct Pieces {
  const iovec* pieces;
  unsigned long count;
};

// The memory of another process is that one's business; the kernel takes this one's for it where it is named.
[[gnu::noinline]] void before_copy(pid_t process, Pieces local, Pieces remote, CallPoint at) {
  before_vector_transfer(kNoFile, local.pieces, local.count, at);
  if (process == sys::call(SYS_getpid)) before_vector_transfer(kNoFile, remote.pieces, remote.count, at);
}

}  // namespace

FAULTLINE_EXPORT ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  if (transfer_may_wait()) before_transfer(kNoFile, buffer, size, FAULTLINE_CALL_POINT);
  return real::recv(fd, buffer, size, flags);
}

FAULTLINE_EXPORT ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t room, int flags) {
  if (transfer_may_wait()) before_transfer(kNoFile, buffer, size, FAULTLINE_CALL_POINT);
  return real::__recv_chk(fd, buffer, size, room, flags);
}

FAULTLINE_EXPORT ssize_t recvfrom(int fd, void* buffer, size_t size, int flags, sockaddr* address,
                                  socklen_t* length) {
  if (transfer_may_wait()) before_transfer(kNoFile, buffer, size, FAULTLINE_CALL_POINT);
  return real::recvfrom(fd, buffer, size, flags, address, length);
}

FAULTLINE_EXPORT ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t room, int flags,
                                        sockaddr* address, socklen_t* length) {
  if (transfer_may_wait()) before_transfer(kNoFile, buffer, size, FAULTLINE_CALL_POINT);
  return real::__recvfrom_chk(fd, buffer, size, room, flags, address, length);
}

FAULTLINE_EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_message(message, at);
  const ssize_t got = real::recvmsg(fd, message, flags);
  if (got >= 0 && message->msg_controllen != 0) {
    descriptors_received(message, at);
    channel_may_have_come(message);
  }
  return got;
}

FAULTLINE_EXPORT int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_messages(messages, count, at);
  const int got = real::recvmmsg(fd, messages, count, flags, timeout);
  for (int i = 0; i < got; ++i) descriptors_received(&messages[i].msg_hdr, at);
  return got;
}

FAULTLINE_EXPORT ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  if (transfer_may_wait()) before_transfer(kNoFile, const_cast<void*>(buffer), size, FAULTLINE_CALL_POINT);
  return real::send(fd, buffer, size, flags);
}

FAULTLINE_EXPORT ssize_t sendto(int fd, const void* buffer, size_t size, int flags, const sockaddr* address,
                                socklen_t length) {
  if (transfer_may_wait()) before_transfer(kNoFile, const_cast<void*>(buffer), size, FAULTLINE_CALL_POINT);
  return real::sendto(fd, buffer, size, flags, address, length);
}

FAULTLINE_EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (transfer_may_wait()) before_message(message, FAULTLINE_CALL_POINT);
  return real::sendmsg(fd, message, flags);
}

FAULTLINE_EXPORT int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  if (transfer_may_wait()) before_messages(messages, count, FAULTLINE_CALL_POINT);
  return real::sendmmsg(fd, messages, count, flags);
}

FAULTLINE_EXPORT ssize_t process_vm_readv(pid_t process, const iovec* local, unsigned long local_count,
                                          const iovec* remote, unsigned long remote_count,
                                          unsigned long flags) noexcept {
  if (transfer_may_wait())
    before_copy(process, {local, local_count}, {remote, remote_count}, FAULTLINE_CALL_POINT);
  return real::process_vm_readv(process, local, local_count, remote, remote_count, flags);
}

FAULTLINE_EXPORT ssize_t process_vm_writev(pid_t process, const iovec* local, unsigned long local_count,
                                           const iovec* remote, unsigned long remote_count,
                                           unsigned long flags) noexcept {
  if (transfer_may_wait())
    before_copy(process, {local, local_count}, {remote, remote_count}, FAULTLINE_CALL_POINT);
  return real::process_vm_writev(process, local, local_count, remote, remote_count, flags);
}

FAULTLINE_ALIAS(__send, send);
