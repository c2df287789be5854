// Locks on files: flock, and the record locks of fcntl and lockf.
//
// A lock is a file (device and inode) in one of three spaces, and in the last two the first byte of its
// range: a program that locks bytes here and there (a database) has as many locks as it has places. Ranges
// that overlap without beginning at one byte are taken for different locks.
//
//   Flock        owned by the open file description
//   Description  fcntl's F_OFD_*, likewise
//   Process      fcntl's F_SETLK, F_SETLKW and lockf: owned by the process, whose threads never wait for each
//   other;
//                the trace says so
//
// That the last two spaces exclude each other is not seen. A lock ends when it is given up, when the
// descriptor it was taken by is closed (one that was duplicated: when the first is) or leads to another file,
// or, owned by the process, when any descriptor of its file is closed. Closing is noticed at the hook of
// close, or at the holder's next guarded section: no hook sees fclose close.
//
// Any thread, outside guarded sections unless said otherwise.
#pragma once

#include <sys/types.h>

#include "json_line.h"
#include "record/acquisition.h"

namespace faultline {

enum class FileSpace : std::uint8_t { Flock, Description, Process };

struct FileLock {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t start;
  FileSpace space;
};

// The bytes from `start` up to `end`, which is ~0 where the range has no end.
struct FileRange {
  std::uint64_t start;
  std::uint64_t end;
};

// The lock of `range` of the file behind `fd`, made known if it is new, for a call that takes it in `mode`.
// nullptr: nothing is to be recorded; the owner has it in that mode already, or the descriptor is bad.
const FileLock* file_lock(int fd, FileSpace space, FileRange range, Mode mode);

// Around a call that takes `lock` by `fd`. `begin` before one that waits; `end` after it, `taken` if it
// succeeded, and after one that does not wait if that succeeded. What the same owner held of the lock before
// is given up: taking it again changes its mode.
void file_wait_begins(const FileLock* lock, int fd, Mode mode, CallPoint at);
void file_wait_ended(const FileLock* lock, int fd, Mode mode, bool taken);
void file_lock_tried(const FileLock* lock, int fd, Mode mode, CallPoint at);

// What the owner behind `fd` holds in `range` is given up.
void file_locks_released(int fd, FileSpace space, FileRange range);

// Whether the process is known to hold any: one load, for hooks of calls that every program makes.
extern constinit std::atomic<int> file_hold_count;
inline bool any_file_lock() {
  return file_hold_count.load(std::memory_order_relaxed) != 0;
}
// `fd` is about to be closed.
void file_closes(int fd);

// In a guarded section: drops what `thread` holds by descriptors that are closed.
void drop_closed_file_locks(ThreadState& thread);

// In a forked child, which inherits what belongs to descriptions but not what belongs to its parent.
void file_locks_after_fork(ThreadState* survivor);

// The attributes of a lock of kind File, for its record.
void write_file_attributes(JsonLine& line, const FileLock& lock);

}  // namespace faultline
