#include "fault/transfers.h"

#include "fault/fuse_calls.h"
#include "fault/may_fault.h"
#include "fault/served_ranges.h"
#include "sys/own_memory.h"

namespace faultline {

constinit std::atomic<bool> transfers_watched{false};

namespace {

constexpr std::size_t kMostPieces = 1024;    // UIO_MAXIOV: the kernel refuses more
constexpr std::size_t kMostMessages = 1024;  // the kernel takes no more at a time

void touches(const void* memory, std::size_t length, CallPoint at) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  if (!service_of_range(address, length)) return;
  Guard guard;
  if (guard) may_fault(guard, address, length, at);
}

// Calls `visit` for each element of the program's array, until one cannot be read.
template <std::size_t kAtOnce, class Element, class Visit>
void each_of(const Element* elements, std::size_t count, Visit visit) {
  if (elements == nullptr) return;
  Element copied[kAtOnce]{};
  for (std::size_t done = 0; done < count; done += kAtOnce) {
    const std::size_t wanted = count - done < kAtOnce ? count - done : kAtOnce;
    if (!sys::copy_argument(copied, elements + done, wanted * sizeof(Element))) return;
    for (std::size_t i = 0; i < wanted; ++i) visit(copied[i]);
  }
}

void touch_pieces(const iovec* pieces, std::size_t count, CallPoint at) {
  if (count > kMostPieces) return;
  each_of<16>(pieces, count, [&](const iovec& piece) { touches(piece.iov_base, piece.iov_len, at); });
}

}  // namespace

void before_transfer(int fd, void* memory, std::size_t length, CallPoint at) {
  touches(memory, length, at);
  if (fd != kNoFile) before_file_call(fd, at);
}

void before_vector_transfer(int fd, const iovec* pieces, std::size_t count, CallPoint at) {
  touch_pieces(pieces, count, at);
  if (fd != kNoFile) before_file_call(fd, at);
}

void before_message(const msghdr* message, CallPoint at) {
  each_of<1>(message, 1, [&](const msghdr& header) { touch_pieces(header.msg_iov, header.msg_iovlen, at); });
}

void before_messages(const mmsghdr* messages, std::size_t count, CallPoint at) {
  if (count > kMostMessages) count = kMostMessages;
  each_of<4>(messages, count, [&](const mmsghdr& message) {
    touch_pieces(message.msg_hdr.msg_iov, message.msg_hdr.msg_iovlen, at);
  });
}

}  // namespace faultline
