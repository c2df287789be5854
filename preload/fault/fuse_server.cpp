#include "fault/fuse_server.h"

#include <sys/sysmacros.h>

#include <cstring>

#include "fault/fuse_mounts.h"
#include "fault/served_ranges.h"
#include "options.h"
#include "raw_syscall.h"
#include "record/thread_state.h"
#include "sys/own_memory.h"
#include "sys/task_state.h"

namespace faultline {

constinit std::atomic<int> fuse_channel_count{0};

namespace {

struct Channel {
  std::atomic<int> fd_plus_1;  // 0: free
  std::atomic<std::uint32_t> service;
};
constexpr int kMostChannels = 64;
constinit Channel channels[kMostChannels]{};

Channel* channel_of(int fd) {
  for (Channel& channel : channels)
    if (channel.fd_plus_1.load(std::memory_order_acquire) == fd + 1) return &channel;
  return nullptr;
}

// The number of the file system's device, as the kernel writes it; 0: not told.
std::uint64_t connection_in(const char* text) {
  constexpr char kKey[] = "\nfuse_connection:";
  const char* at = std::strstr(text, kKey);
  if (at == nullptr) return 0;
  std::uint64_t number = 0;
  for (at += sizeof kKey - 1; *at != '\0' && *at != '\n'; ++at)
    if (*at >= '0' && *at <= '9') number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  return number;
}

std::uint64_t device_served_by(int fd) {
  char name[24] = "fdinfo/";
  std::size_t end = std::strlen(name);
  char digits[12];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + fd % 10);
  while ((fd /= 10) > 0);
  while (count > 0) name[end++] = digits[--count];
  name[end] = '\0';
  char text[512];
  if (sys::read_proc(name, text, sizeof text) > 0) {
    constexpr int kMinorBits = 20;  // of the kernel's own device numbers
    if (const std::uint64_t number = connection_in(text))
      return makedev(static_cast<unsigned>(number >> kMinorBits),
                     static_cast<unsigned>(number & ((1u << kMinorBits) - 1)));
  }
  return newest_fuse_device();
}

LockId add_channel(int fd) {
  learn_fuse_mounts();
  const std::uint64_t device = device_served_by(fd);
  const LockId service = device != 0 ? add_fuse_service(device) : LockId{};
  if (!service) return LockId{};
  for (Channel& channel : channels) {
    int free = 0;
    if (!channel.fd_plus_1.compare_exchange_strong(free, -1, std::memory_order_acq_rel)) continue;
    channel.service.store(service.value, std::memory_order_relaxed);
    channel.fd_plus_1.store(fd + 1, std::memory_order_release);
    fuse_channel_count.fetch_add(1, std::memory_order_release);
    break;
  }
  return service;
}

// The service of a known channel that still is one; none else.
LockId service_of_channel(int fd) {
  const Channel* channel = channel_of(fd);
  if (channel == nullptr) return LockId{};
  if (leads_to_fuse(fd)) return LockId{channel->service.load(std::memory_order_relaxed)};
  forget_fuse_channel(fd);
  return LockId{};
}

// The first bytes of what the pieces hold. False: they are fewer, or cannot be read.
bool copy_header(void* to, std::size_t size, const iovec* pieces, std::size_t count) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < count && done < size; ++i) {
    iovec piece{};
    if (!sys::copy_argument(&piece, pieces + i, sizeof piece) || piece.iov_base == nullptr) return false;
    const std::size_t wanted = piece.iov_len < size - done ? piece.iov_len : size - done;
    if (!sys::copy_argument(static_cast<char*>(to) + done, piece.iov_base, wanted)) return false;
    done += wanted;
  }
  return done == size;
}

// A request begins with how long it is. Looked at where it lies, without the system calls that a careful look
// takes, for every program reads: the kernel has just been at both places. Where a look may wait for a server
// nobody looks.
bool may_be_first_request(const iovec* pieces, std::size_t count, std::size_t size) {
  std::uint32_t length;
  if (count == 0 || pieces[0].iov_len < sizeof length || any_served_range()) return true;
  std::memcpy(&length, pieces[0].iov_base, sizeof length);
  return length == size;
}

bool is_waited_for(const fuse_in_header& request) {
  return request.opcode != FUSE_FORGET && request.opcode != FUSE_BATCH_FORGET &&
         request.opcode != FUSE_INTERRUPT;
}

void serve(LockId service, const fuse_in_header& request, CallPoint at) {
  Guard guard;
  if (!guard) return;
  if (is_waited_for(request)) {
    request_read(guard, service, request.unique, at);
  } else {
    server_is_idle(guard.thread());
  }
}

// The service whose request this thread has moved into a pipe, and now reads the header of.
LockId take_spliced() {
  ThreadState* thread = tls.active;
  if (thread == nullptr) return LockId{};
  const LockId service = thread->spliced_from;
  thread->spliced_from = LockId{};
  return service;
}

}  // namespace

bool is_fuse_channel(int fd) {
  return any_fuse_channel() && channel_of(fd) != nullptr;
}

void request_was_read(int fd, const iovec* pieces, std::size_t count, ssize_t got, CallPoint at) {
  fuse_in_header request{};
  const auto size = static_cast<std::size_t>(got);
  if (got < static_cast<ssize_t>(sizeof request) || options.faults == Faults::Off ||
      (!any_fuse_channel() && !may_be_first_request(pieces, count, size)) ||
      !copy_header(&request, sizeof request, pieces, count))
    return;
  LockId service = any_fuse_channel() ? service_of_channel(fd) : LockId{};
  if (service) return serve(service, request, at);
  if (any_fuse_channel() && request.len >= size) service = take_spliced();
  if (service) return serve(service, request, at);
  if (request.len != size || request.unique == 0 || !leads_to_fuse(fd)) return;
  {
    Guard guard;
    if (guard) service = add_channel(fd);
  }
  if (service) serve(service, request, at);
}

void request_was_spliced(int fd, ssize_t got) {
  if (got <= 0) return;
  const LockId service = service_of_channel(fd);
  Guard guard;
  if (guard && service) guard.thread().spliced_from = service;
}

void answer_begins(int fd, const iovec* pieces, std::size_t count, CallPoint at, Answer& answer) {
  answer.is_one = false;
  fuse_out_header header{};
  const LockId service = service_of_channel(fd);
  // A message of the server's own accord has no number.
  if (!service || !copy_header(&header, sizeof header, pieces, count) || header.unique == 0) return;
  Guard guard;
  if (!guard) return;
  answer.is_one = true;
  begin_answer(guard, service, header.unique, at, answer.requests);
}

void answer_is_spliced(int fd, CallPoint at, Answer& answer) {
  answer.is_one = false;
  const LockId service = service_of_channel(fd);
  Guard guard;
  if (!guard || !service) return;
  answer.is_one = true;
  begin_answer(guard, service, kAllItRead, at, answer.requests);
}

void answer_ended(const Answer& answer, ssize_t sent) {
  if (!answer.is_one || sent < 0) return;
  Guard guard;
  if (guard) end_answer(guard, answer.requests);
}

void forget_fuse_channel(int fd) {
  Channel* channel = channel_of(fd);
  int expected = fd + 1;
  if (channel != nullptr &&
      channel->fd_plus_1.compare_exchange_strong(expected, 0, std::memory_order_acq_rel))
    fuse_channel_count.fetch_sub(1, std::memory_order_release);
}

}  // namespace faultline
