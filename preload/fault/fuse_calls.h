// Calls on files of a FUSE file system: what the calling thread holds waits for the file system's server.
//
// Each is a dependency held -> service (cause `service`) that may be: the kernel answers some calls from what
// it has cached, so `observed` is false. Recorded once per held set, call site and file system.
//
// For hooks, before the real call, outside guarded sections; errno is kept. Cost in a process that knows of
// no FUSE file system: one load; else, where a lock is held, one system call of the cheapest kind.
#pragma once

#include "fault/fuse_mounts.h"
#include "record/waits.h"

namespace faultline {

inline bool file_call_may_wait() {
  return __builtin_expect(any_fuse_mount(), false) && waits_for_others();
}

// The calling thread is about to have the server of the file behind `fd`, or at `path` as `directory` has it,
// do something. The thread holds something.
[[gnu::cold]] void file_call(int fd, CallPoint at);
[[gnu::cold]] void path_call(int directory, const char* path, CallPoint at);

inline void before_file_call(int fd, CallPoint at) {
  if (file_call_may_wait()) file_call(fd, at);
}
inline void before_path_call(int directory, const char* path, CallPoint at) {
  if (file_call_may_wait()) path_call(directory, path, at);
}

// A mapping of `length` bytes at `start` of the file behind `fd` was made: a fault there may wait for the
// file's server. Unless faults are watched already, those of all threads are from now on.
[[gnu::cold]] void file_mapped(std::uintptr_t start, std::size_t length, int fd);

}  // namespace faultline
