// System calls that the kernel copies the program's memory in or out of: what the calling thread holds may
// wait for whoever serves that memory, or the file at the other end, whether or not it does so this time.
//
// For hooks, before the real call, outside guarded sections. Arguments are the program's: a vector that
// cannot be read says nothing, the kernel will refuse it. errno is kept. Nothing is left to be done after the
// call, which may be cancelled in.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>

#include "record/waits.h"

namespace faultline {

// Whether this process has memory or files that another program part serves. Set once, by whoever learns of
// the first.
extern constinit std::atomic<bool> transfers_watched;
inline void watch_transfers() {
  transfers_watched.store(true, std::memory_order_relaxed);
}

// Whether a transfer has anything to tell. Cost in a process without such memory or files: one load.
inline bool transfer_may_wait() {
  return __builtin_expect(transfers_watched.load(std::memory_order_relaxed), false) && waits_for_others();
}

// A transfer with no descriptor that could be such a file.
constexpr int kNoFile = -1;

// Between `fd` and [memory, memory + length).
[[gnu::cold]] void before_transfer(int fd, void* memory, std::size_t length, CallPoint at);
// The same for a vector of pieces, for a message, and for several messages.
[[gnu::cold]] void before_vector_transfer(int fd, const iovec* pieces, std::size_t count, CallPoint at);
[[gnu::cold]] void before_message(const msghdr* message, CallPoint at);
[[gnu::cold]] void before_messages(const mmsghdr* messages, std::size_t count, CallPoint at);

}  // namespace faultline
