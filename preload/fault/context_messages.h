// Descriptors of userfaultfd contexts as the hooks of reading and receiving see them.
//
// Any thread, outside guarded sections, after the real call. Nothing here changes errno or the caller's data.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "fault/contexts.h"

namespace faultline {

// A read, readv or preadv of `fd` has put `got` bytes into `pieces`. Call it where may_be_fault_context(fd).
[[gnu::cold]] void context_was_read(int fd, const iovec* pieces, std::size_t count, ssize_t got,
                                    CallPoint at);

// A recvmsg has succeeded: descriptors that came with `message` may be contexts, whose server this process
// becomes. Without descriptors in it, two loads.
void descriptors_received(const msghdr* message, CallPoint at);

}  // namespace faultline
