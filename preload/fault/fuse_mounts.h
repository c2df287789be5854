// The FUSE file systems this process can meet, and the service that stands for each: a file system's server
// and whoever waits for it name it by the device number of its mount (`st_dev`), which is the same in all
// processes.
//
// Known are those that were mounted when the process started (/proc/self/mountinfo), what it mounts or serves
// itself, and, once any is known, those mounted when a file of a new device is met. A process that starts
// before there is any FUSE mount at all and makes none does not look again: what it later does on one is not
// recorded. A
// device number may be given again after an unmount: then both file systems are one service here.
//
// Any thread. No request is ever sent to a server.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>

#include "ids.h"

namespace faultline {

struct ThreadState;

// Whether the process knows of any: one load.
extern constinit std::atomic<int> fuse_mount_count;
inline bool any_fuse_mount() {
  return fuse_mount_count.load(std::memory_order_relaxed) != 0;
}

// Reads the list of mounts. At start, and when this process begins to serve one.
void learn_fuse_mounts();

// After a mount that succeeded, of a file system of `type`: the program's string.
void file_system_mounted(const char* type);
// After a recvmsg that succeeded: fusermount3 hands out the channel of what it has mounted.
void channel_may_have_come(const msghdr* message);

// The service of the file system on `device`; none where that is no FUSE.
LockId fuse_service(std::uint64_t device);
// The same, known from now on: `device` is one.
LockId add_fuse_service(std::uint64_t device);
// The device of the FUSE file system that was mounted last; 0: none.
std::uint64_t newest_fuse_device();

// Whether that is a descriptor of /dev/fuse.
bool leads_to_fuse(int fd);

// Of a file, as fstat has it; 0: not known. Asks nobody but the kernel's own memory.
std::uint64_t device_of(int fd);
// The FUSE file system that `path`, from `directory`, leads to by its text alone: below a known mount point
// or, where it is relative, in the directory's own. 0: none. A symbolic link on the way is not seen.
std::uint64_t fuse_device_of_path(int directory, const char* path);

// In a forked child: whoever was learning of mounts is not in it.
void fuse_mounts_after_fork();

// For write_service_record: whether it is one of these, and its record.
bool is_fuse_service(LockId service);
void write_fuse_service(ThreadState& writer, LockId service);

}  // namespace faultline
