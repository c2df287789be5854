// The server's side of FUSE: a thread that reads a request from /dev/fuse serves the file system, until it,
// or another thread, writes the answer.
//
// What it locks in between hangs under the file system's service (fault/fuse_mounts.h), as what a userfaultfd
// server locks does under its own: `served_requests` of fault/fault_service.h. A channel, a descriptor of
// /dev/fuse, is recognised by its first request that is read with read or readv: which every connection
// begins with. Requests that come by splice are known from when their header is read from the pipe; an answer
// that goes out by splice answers all that the thread has read. Requests that nobody waits for (forget,
// interrupt) are none.
//
// Which file system a channel serves is told by /proc/self/fdinfo (Linux 6.16); an older kernel's is taken
// for the one that was mounted last.
//
// For hooks, outside guarded sections; errno is kept. In a process that serves none: one load, and a look at
// the first word of what a read with room for a request got.
#pragma once

#include <linux/fuse.h>
#include <sys/uio.h>

#include "fault/fault_service.h"

namespace faultline {

extern constinit std::atomic<int> fuse_channel_count;
inline bool any_fuse_channel() {
  return fuse_channel_count.load(std::memory_order_relaxed) != 0;
}

// Whether a read of `size` bytes may have been that of a request: /dev/fuse refuses smaller ones.
inline bool may_read_request(std::size_t size) {
  return size >= FUSE_MIN_READ_BUFFER || any_fuse_channel();
}

// `got` bytes have come out of `fd` into `pieces`.
void request_was_read(int fd, const iovec* pieces, std::size_t count, ssize_t got, CallPoint at);
// `got` bytes have gone from `fd` into a pipe.
void request_was_spliced(int fd, ssize_t got);

// Around a call that sends an answer: `begins` before it, `ended` after it with its result.
struct Answer {
  bool is_one;
  Resolution requests;
};
bool is_fuse_channel(int fd);  // no system call
void answer_begins(int fd, const iovec* pieces, std::size_t count, CallPoint at, Answer& answer);
void answer_is_spliced(int fd, CallPoint at, Answer& answer);
void answer_ended(const Answer& answer, ssize_t sent);

// `fd` is about to be closed, or to become something else.
void forget_fuse_channel(int fd);

}  // namespace faultline
