// Places in the model's code at which a scenario may hold a thread up, to visit an order or a state that luck
// alone would seldom show. Nothing but a load where no scenario listens.
#pragma once

#include <atomic>

namespace tvfs {

enum class Place {
  InodeLocked,       // a buffered write holds inode_lock and is about to copy from the user
  MmapLocked,        // mmap holds mmap_lock exclusive and is about to call the file system
  MkwriteEntered,    // page_mkwrite was called, with mmap_lock held shared
  PageUnmapped,      // a page that is about to leave the page cache was taken out of all mappings
  GlockHeld,         // a gfs2 read or write holds its glock and is about to copy from or to the user
  NiLocked,          // fiemap holds ni_lock and is about to copy to the user
  InvalidateLocked,  // fallocate holds invalidate_lock and has yet to take ni_lock
  Pinned,            // a page is pinned and not yet written to
  PageDeleted,       // it left the cache's index; its memory is not yet free
};

// Called on the thread that is there, with whatever it holds.
using SchedulePoint = void (*)(void* self, Place place);

struct Schedule {
  SchedulePoint at;
  void* self;
};

inline std::atomic<const Schedule*> schedule{nullptr};

inline void schedule_point(Place place) {
  if (const Schedule* wanted = schedule.load(std::memory_order_acquire); wanted != nullptr)
    wanted->at(wanted->self, place);
}

// For the life of this object, which belongs to a scenario; one at a time.
class Scheduled {
 public:
  Scheduled(SchedulePoint at, void* self) : schedule_{at, self} { schedule.store(&schedule_); }
  ~Scheduled() { schedule.store(nullptr); }
  Scheduled(const Scheduled&) = delete;
  Scheduled& operator=(const Scheduled&) = delete;

 private:
  Schedule schedule_;
};

}  // namespace tvfs
