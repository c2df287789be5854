// The one place that is told of changes to the process's mappings, for whoever has to follow them: files that
// come to be mapped, and mappings that may go away.
//
// By the hooks (hooks/memory.cpp), in any thread, also in signal handlers. Where nobody wants to know it
// costs two loads.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "fault/fuse_mounts.h"
#include "fault/storm.h"

namespace faultline {

// What mmap was asked for, and where it went.
struct NewMapping {
  std::uintptr_t start;
  std::size_t length;
  int flags;
  int fd;
};

inline bool map_changes_are_watched() {
  return is_storming() || any_fuse_mount();
}

// mmap has succeeded.
void mapping_made(const NewMapping& mapping);

// Around munmap, mremap, and mmap at a fixed address.
class MappingsMayGo {
 public:
  explicit MappingsMayGo(bool any = true) : watched_(any && is_storming()) {
    if (watched_) storm_holds_off();
  }
  ~MappingsMayGo() {
    if (watched_) storm_may_go_on();
  }
  MappingsMayGo(const MappingsMayGo&) = delete;
  MappingsMayGo& operator=(const MappingsMayGo&) = delete;

 private:
  bool watched_;
};

}  // namespace faultline
