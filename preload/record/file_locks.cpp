#include "record/file_locks.h"

#include <linux/kcmp.h>
#include <sys/stat.h>

#include <new>

#include "raw_syscall.h"
#include "record/held_stack.h"
#include "runtime.h"
#include "sys/arena.h"

namespace faultline {

constinit std::atomic<int> file_hold_count{0};

namespace {

// Who holds which lock by which descriptor.
struct Hold {
  std::atomic<const FileLock*> lock;  // null: free
  std::atomic<ThreadState*> holder;
  std::atomic<std::uint32_t> holder_id;  // states are recycled, ids are not
  std::atomic<int> fd;
  std::atomic<Mode> mode;

  bool is_by(const ThreadState& thread) const {
    return holder.load(std::memory_order_relaxed) == &thread &&
           holder_id.load(std::memory_order_relaxed) == thread.id.value;
  }
};
constexpr int kMaxHolds = 256;
constinit Hold holds[kMaxHolds]{};
constinit const FileLock being_added{};

template <class Action>
void for_each_hold(Action action) {
  if (!any_file_lock()) return;
  for (Hold& hold : holds) {
    const FileLock* lock = hold.lock.load(std::memory_order_acquire);
    if (lock != nullptr && lock != &being_added) action(hold, *lock);
  }
}

// False: there is no room.
bool add_hold(const FileLock* lock, ThreadState& holder, int fd, Mode mode) {
  for (Hold& hold : holds) {
    const FileLock* free = nullptr;
    if (!hold.lock.compare_exchange_strong(free, &being_added, std::memory_order_acq_rel)) continue;
    hold.holder.store(&holder, std::memory_order_relaxed);
    hold.holder_id.store(holder.id.value, std::memory_order_relaxed);
    hold.fd.store(fd, std::memory_order_relaxed);
    hold.mode.store(mode, std::memory_order_relaxed);
    hold.lock.store(lock, std::memory_order_release);
    file_hold_count.fetch_add(1, std::memory_order_release);
    holder.holds_files = true;
    set_limit(holder);
    return true;
  }
  return false;
}

// Whether this call was the one that ended it.
bool end_hold(Hold& hold, const FileLock& lock) {
  const FileLock* there = &lock;
  if (!hold.lock.compare_exchange_strong(there, nullptr, std::memory_order_acq_rel)) return false;
  file_hold_count.fetch_sub(1, std::memory_order_release);
  return true;
}

// Ends it, and takes the lock off its holder's stack; a holder that has ended has none.
void give_up(Hold& hold, const FileLock& lock) {
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  const bool own = hold.is_by(thread);
  if (!end_hold(hold, lock)) return;
  if (own) {
    remove_held(thread, &lock);
  } else {
    release_for_holder(thread, &lock);
  }
}

bool status_of(int fd, struct stat& status) {
  return sys::call(SYS_fstat, fd, sys::as_long(&status)) == 0;
}

bool is_of(const FileLock& lock, const struct stat& status) {
  return lock.device == status.st_dev && lock.inode == status.st_ino;
}

// Whether both lead to one open file description; where the kernel does not tell, whether they are equal.
bool same_description(int a, int b) {
  if (a == b) return true;
  const long self = sys::call(SYS_getpid);
  return sys::call(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0;
}

bool has_owner(const Hold& hold, const FileLock& lock, int fd) {
  return lock.space == FileSpace::Process || same_description(hold.fd.load(std::memory_order_relaxed), fd);
}

// Gives up what the owner behind `fd` holds of `lock`.
void release_own(const FileLock& lock, int fd) {
  for_each_hold([&](Hold& hold, const FileLock& held) {
    if (&held == &lock && has_owner(hold, held, fd)) give_up(hold, held);
  });
}

// Whether the descriptor that the lock was taken by still leads to its file.
bool is_open(const Hold& hold, const FileLock& lock) {
  struct stat status {};
  return status_of(hold.fd.load(std::memory_order_relaxed), status) && is_of(lock, status);
}

bool has_it(const FileLock& lock, int fd, Mode mode) {
  bool has = false;
  for_each_hold([&](const Hold& hold, const FileLock& held) {
    has = has || (&held == &lock && hold.mode.load(std::memory_order_relaxed) == mode &&
                  has_owner(hold, held, fd) && is_open(hold, held));
  });
  return has;
}

}  // namespace

const FileLock* file_lock(int fd, FileSpace space, FileRange range, Mode mode) {
  struct stat status {};
  if (shim_is_busy() || !recording() || !status_of(fd, status)) return nullptr;
  Guard guard;
  if (!guard || guard.thread().paused != 0) return nullptr;
  const std::uint64_t place = mix(range.start, static_cast<std::uint64_t>(space));
  bool added;
  KeyMap::Value* value =
      remembered.find_or_add(key_of(Key::FileLock, mix(status.st_dev, status.st_ino), place), &added);
  if (value == nullptr) return nullptr;
  if (added) {
    void* room = arena_allocate(sizeof(FileLock));
    if (room == nullptr) return nullptr;
    const auto* fresh = new (room) FileLock{status.st_dev, status.st_ino, range.start, space};
    value->store(reinterpret_cast<std::uint64_t>(fresh), std::memory_order_release);
  }
  const auto* lock = reinterpret_cast<const FileLock*>(await_value(*value));
  return lock != nullptr && has_it(*lock, fd, mode) ? nullptr : lock;
}

void file_wait_begins(const FileLock* lock, int fd, Mode mode, CallPoint at) {
  if (lock == nullptr) return;
  release_own(*lock, fd);
  before_wait(lock, LockKind::File, mode, WaitKind::Blocking, at);
}

void file_wait_ended(const FileLock* lock, int fd, Mode mode, bool taken) {
  if (lock == nullptr) return;
  if (!taken) return wait_failed(lock);
  bool added;
  {
    Guard guard;
    if (!guard) return;
    added = add_hold(lock, guard.thread(), fd, mode);
  }
  if (added) return;
  trace.lose(Lost::Held);
  before_release(lock);
}

void file_lock_tried(const FileLock* lock, int fd, Mode mode, CallPoint at) {
  if (lock == nullptr) return;
  release_own(*lock, fd);
  acquired_by_try(lock, LockKind::File, mode, at);
  file_wait_ended(lock, fd, mode, true);
}

void file_locks_released(int fd, FileSpace space, FileRange range) {
  struct stat status {};
  if (!any_file_lock() || !status_of(fd, status)) return;
  for_each_hold([&](Hold& hold, const FileLock& lock) {
    if (lock.space == space && is_of(lock, status) && lock.start >= range.start && lock.start < range.end &&
        has_owner(hold, lock, fd))
      give_up(hold, lock);
  });
}

void file_closes(int fd) {
  struct stat status {};
  if (!status_of(fd, status)) return;
  for_each_hold([&](Hold& hold, const FileLock& lock) {
    const bool ends = lock.space == FileSpace::Process ? is_of(lock, status)
                                                       : hold.fd.load(std::memory_order_relaxed) == fd;
    if (ends) give_up(hold, lock);
  });
}

void drop_closed_file_locks(ThreadState& thread) {
  if (!thread.holds_files) return;
  thread.holds_files = false;
  for_each_hold([&](Hold& hold, const FileLock& lock) {
    if (!hold.is_by(thread)) return;
    if (is_open(hold, lock)) {
      thread.holds_files = true;
    } else if (end_hold(hold, lock)) {
      remove_held(thread, &lock);
    }
  });
  set_limit(thread);
}

void file_locks_after_fork(ThreadState* survivor) {
  for_each_hold([&](Hold& hold, const FileLock& lock) {
    const bool own = survivor != nullptr && hold.is_by(*survivor);
    if (own && lock.space != FileSpace::Process) return;
    if (end_hold(hold, lock) && own) remove_held(*survivor, &lock);
  });
}

void write_file_attributes(JsonLine& line, const FileLock& lock) {
  line.number("device", lock.device).number("inode", lock.inode);
  if (lock.space != FileSpace::Flock) line.number("start", lock.start);
  line.text("owner", lock.space == FileSpace::Process ? "process" : "description");
}

}  // namespace faultline
