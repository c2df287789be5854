// Calls that move bytes between memory, or another descriptor, and a descriptor. A server of page faults or
// of a file system reads its requests, and writes its answers, by them.
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fault/context_messages.h"
#include "fault/fuse_calls.h"
#include "fault/fuse_server.h"
#include "fault/transfers.h"
#include "hooks/hook.h"
#include "record/unwinder.h"

using namespace faultline;

namespace {

// Whether whoever reads `size` bytes by `fd` may be a server.
bool may_serve(int fd, std::size_t size) {
  return may_read_request(size) || may_be_fault_context(fd);
}

[[gnu::noinline]] ssize_t after_read(int fd, const iovec* pieces, std::size_t count, ssize_t got,
                                     CallPoint at) {
  if (got <= 0) return got;
  if (may_be_fault_context(fd)) context_was_read(fd, pieces, count, got, at);
  request_was_read(fd, pieces, count, got, at);
  return got;
}

ssize_t after_read(int fd, void* buffer, ssize_t got, CallPoint at) {
  const iovec piece{buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
  return after_read(fd, &piece, 1, got, at);
}

// Sends an answer of a server to the kernel: `pieces`, by `send`.
template <class Send>
[[gnu::noinline]] ssize_t send_answer(int fd, const iovec* pieces, std::size_t count, CallPoint at,
                                      Send send) {
  Answer answer;
  answer_begins(fd, pieces, count, at, answer);
  const ssize_t sent = send();
  answer_ended(answer, sent);
  return sent;
}

}  // namespace

FAULTLINE_EXPORT ssize_t read(int fd, void* buffer, size_t size) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (asked_by_unwinder(at)) return answer_read();
  if (transfer_may_wait()) before_transfer(fd, buffer, size, at);
  if (!may_serve(fd, size)) return real::read(fd, buffer, size);
  return after_read(fd, buffer, real::read(fd, buffer, size), at);
}

FAULTLINE_EXPORT ssize_t __read_chk(int fd, void* buffer, size_t size, size_t room) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_transfer(fd, buffer, size, at);
  if (!may_serve(fd, size)) return real::__read_chk(fd, buffer, size, room);
  return after_read(fd, buffer, real::__read_chk(fd, buffer, size, room), at);
}

FAULTLINE_EXPORT ssize_t readv(int fd, const iovec* pieces, int count) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_vector_transfer(fd, pieces, static_cast<unsigned>(count), at);
  return after_read(fd, pieces, static_cast<unsigned>(count), real::readv(fd, pieces, count), at);
}

FAULTLINE_EXPORT ssize_t write(int fd, const void* buffer, size_t size) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_transfer(fd, const_cast<void*>(buffer), size, at);
  if (!is_fuse_channel(fd)) return real::write(fd, buffer, size);
  const iovec piece{const_cast<void*>(buffer), size};
  return send_answer(fd, &piece, 1, at, [=] { return real::write(fd, buffer, size); });
}

FAULTLINE_EXPORT ssize_t writev(int fd, const iovec* pieces, int count) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  if (transfer_may_wait()) before_vector_transfer(fd, pieces, static_cast<unsigned>(count), at);
  if (!is_fuse_channel(fd)) return real::writev(fd, pieces, count);
  return send_answer(fd, pieces, static_cast<unsigned>(count), at,
                     [=] { return real::writev(fd, pieces, count); });
}

FAULTLINE_EXPORT ssize_t pread(int fd, void* buffer, size_t size, off_t offset) {
  if (transfer_may_wait()) before_transfer(fd, buffer, size, FAULTLINE_CALL_POINT);
  return real::pread(fd, buffer, size, offset);
}

FAULTLINE_EXPORT ssize_t __pread_chk(int fd, void* buffer, size_t size, off_t offset, size_t room) {
  if (transfer_may_wait()) before_transfer(fd, buffer, size, FAULTLINE_CALL_POINT);
  return real::__pread_chk(fd, buffer, size, offset, room);
}

FAULTLINE_EXPORT ssize_t pwrite(int fd, const void* buffer, size_t size, off_t offset) {
  if (transfer_may_wait()) before_transfer(fd, const_cast<void*>(buffer), size, FAULTLINE_CALL_POINT);
  return real::pwrite(fd, buffer, size, offset);
}

FAULTLINE_EXPORT ssize_t preadv(int fd, const iovec* pieces, int count, off_t offset) {
  if (transfer_may_wait())
    before_vector_transfer(fd, pieces, static_cast<unsigned>(count), FAULTLINE_CALL_POINT);
  return real::preadv(fd, pieces, count, offset);
}

FAULTLINE_EXPORT ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  if (transfer_may_wait())
    before_vector_transfer(fd, pieces, static_cast<unsigned>(count), FAULTLINE_CALL_POINT);
  return real::pwritev(fd, pieces, count, offset);
}

FAULTLINE_EXPORT ssize_t preadv2(int fd, const iovec* pieces, int count, off_t offset, int flags) {
  if (transfer_may_wait())
    before_vector_transfer(fd, pieces, static_cast<unsigned>(count), FAULTLINE_CALL_POINT);
  return real::preadv2(fd, pieces, count, offset, flags);
}

FAULTLINE_EXPORT ssize_t pwritev2(int fd, const iovec* pieces, int count, off_t offset, int flags) {
  if (transfer_may_wait())
    before_vector_transfer(fd, pieces, static_cast<unsigned>(count), FAULTLINE_CALL_POINT);
  return real::pwritev2(fd, pieces, count, offset, flags);
}

FAULTLINE_EXPORT ssize_t vmsplice(int fd, const iovec* pieces, size_t count, unsigned flags) {
  if (transfer_may_wait()) before_vector_transfer(kNoFile, pieces, count, FAULTLINE_CALL_POINT);
  return real::vmsplice(fd, pieces, count, flags);
}

FAULTLINE_EXPORT ssize_t splice(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                                unsigned flags) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_file_call(from, at);
  before_file_call(to, at);
  if (!any_fuse_channel()) return real::splice(from, from_offset, to, to_offset, size, flags);
  Answer answer;
  answer_is_spliced(to, at, answer);
  const ssize_t moved = real::splice(from, from_offset, to, to_offset, size, flags);
  answer_ended(answer, moved);
  request_was_spliced(from, moved);
  return moved;
}

FAULTLINE_EXPORT ssize_t sendfile(int to, int from, off_t* offset, size_t size) noexcept {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_file_call(from, at);
  before_file_call(to, at);
  return real::sendfile(to, from, offset, size);
}

FAULTLINE_EXPORT ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset,
                                         size_t size, unsigned flags) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_file_call(from, at);
  before_file_call(to, at);
  return real::copy_file_range(from, from_offset, to, to_offset, size, flags);
}

FAULTLINE_ALIAS(__read, read);
FAULTLINE_ALIAS(__write, write);
FAULTLINE_ALIAS(pread64, pread);
FAULTLINE_ALIAS(__pread64, pread);
FAULTLINE_ALIAS(__pread64_chk, __pread_chk);
FAULTLINE_ALIAS(pwrite64, pwrite);
FAULTLINE_ALIAS(__pwrite64, pwrite);
FAULTLINE_ALIAS(preadv64, preadv);
FAULTLINE_ALIAS(pwritev64, pwritev);
FAULTLINE_ALIAS(preadv64v2, preadv2);
FAULTLINE_ALIAS(pwritev64v2, pwritev2);
FAULTLINE_ALIAS(sendfile64, sendfile);
