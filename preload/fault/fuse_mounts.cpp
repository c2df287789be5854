#include "fault/fuse_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "fault/mount_list.h"
#include "fault/transfers.h"
#include "json_line.h"
#include "options.h"
#include "raw_syscall.h"
#include "record/lock_identity.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

namespace faultline {

constinit std::atomic<int> fuse_mount_count{0};

namespace {

struct Device {
  std::atomic<std::uint64_t> number;  // 0: free
  std::atomic<std::uint32_t> service;
};
struct MountPoint {
  std::uint64_t device;
  std::size_t length;
  char* text;  // not terminated
};
constexpr int kMost = 64;  // further ones are not known
constinit Device devices[kMost]{};
constinit std::atomic<const MountPoint*> points[kMost]{};
constinit std::atomic<std::uint64_t> newest_device{0};
constinit std::atomic<bool> is_learning{false};

LockId known_service(std::uint64_t device) {
  for (const Device& entry : devices)
    if (entry.number.load(std::memory_order_acquire) == device)
      return LockId{entry.service.load(std::memory_order_acquire)};
  return LockId{};
}

bool is_at(const MountPoint& point, const FuseMount& mount) {
  return point.device == mount.device && point.length == mount.point_length &&
         std::memcmp(point.text, mount.point, point.length) == 0;
}

void add_point(const FuseMount& mount) {
  if (mount.point_length == 0) return;
  for (std::atomic<const MountPoint*>& place : points) {
    const MountPoint* there = place.load(std::memory_order_acquire);
    if (there != nullptr && is_at(*there, mount)) return;
    if (there != nullptr) continue;
    auto* point = static_cast<MountPoint*>(arena_allocate(sizeof(MountPoint)));
    auto* text = static_cast<char*>(arena_allocate(mount.point_length, 1));
    if (point == nullptr || text == nullptr) return;
    std::memcpy(text, mount.point, mount.point_length);
    *point = {mount.device, mount.point_length, text};
    place.store(point, std::memory_order_release);
    return;
  }
}

// Whether `path` is the mount point or lies below it.
bool leads_to(const char* path, const MountPoint& point) {
  return std::strncmp(path, point.text, point.length) == 0 &&
         (path[point.length] == '/' || path[point.length] == '\0' || point.length == 1);
}

// The beginning of the program's string, NUL-terminated. False: it cannot be read.
bool copy_path(char* to, std::size_t capacity, const char* from) {
  constexpr std::uintptr_t kPage = 4096;
  std::size_t size = 0;
  while (size + 1 < capacity) {
    const std::size_t to_page_end = kPage - (reinterpret_cast<std::uintptr_t>(from) + size) % kPage;
    const std::size_t wanted = to_page_end < capacity - 1 - size ? to_page_end : capacity - 1 - size;
    if (!sys::copy_argument(to + size, from + size, wanted)) return false;
    if (std::memchr(to + size, '\0', wanted) != nullptr) return true;
    size += wanted;
  }
  to[size] = '\0';
  return true;
}

std::uint64_t device_at(int directory) {
  struct statx status {};
  const long error = sys::call(SYS_statx, directory, sys::as_long(""), AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0,
                               sys::as_long(&status));
  return error == 0 ? makedev(status.stx_dev_major, status.stx_dev_minor) : 0;
}

}  // namespace

void learn_fuse_mounts() {
  if (options.faults == Faults::Off || is_learning.exchange(true, std::memory_order_acquire)) return;
  const long fd =
      sys::call(SYS_openat, AT_FDCWD, sys::as_long("/proc/thread-self/mountinfo"), O_RDONLY | O_CLOEXEC);
  MountListParser parser;
  char text[1024] = "";
  std::uint64_t newest_id = 0;
  for (long got; fd >= 0 && (got = sys::call(SYS_read, fd, sys::as_long(text), sizeof text)) > 0;)
    parser.feed(text, static_cast<std::size_t>(got), [&](const FuseMount& mount) {
      add_fuse_service(mount.device);
      add_point(mount);
      if (mount.id < newest_id) return;
      newest_id = mount.id;
      newest_device.store(mount.device, std::memory_order_relaxed);
    });
  if (fd >= 0) sys::call(SYS_close, fd);
  is_learning.store(false, std::memory_order_release);
}

// misc(4): the number /dev/fuse has.
bool leads_to_fuse(int fd) {
  constexpr unsigned kMajor = 10;
  constexpr unsigned kMinor = 229;
  struct statx status {};
  return sys::call(SYS_statx, fd, sys::as_long(""), AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE,
                   sys::as_long(&status)) == 0 &&
         S_ISCHR(status.stx_mode) && status.stx_rdev_major == kMajor && status.stx_rdev_minor == kMinor;
}

void file_system_mounted(const char* type) {
  char copied[5] = "";
  if (type == nullptr || !sys::copy_argument(copied, type, sizeof copied) ||
      std::memcmp(copied, "fuse", 4) != 0)
    return;
  Guard guard;
  if (guard) learn_fuse_mounts();
}

void channel_may_have_come(const msghdr* message) {
  // The kernel has just written both.
  const cmsghdr* first = CMSG_FIRSTHDR(message);
  if (first == nullptr || first->cmsg_level != SOL_SOCKET || first->cmsg_type != SCM_RIGHTS ||
      first->cmsg_len < CMSG_LEN(sizeof(int)))
    return;
  int fd;
  std::memcpy(&fd, CMSG_DATA(first), sizeof fd);
  if (!leads_to_fuse(fd)) return;
  Guard guard;
  if (guard) learn_fuse_mounts();
}

LockId fuse_service(std::uint64_t device) {
  if (device == 0) return LockId{};
  if (const LockId service = known_service(device)) return service;
  const std::uint64_t key = key_of(Key::Device, device);
  if (remembered.find(key) != nullptr) return LockId{};
  Guard guard;
  if (!guard) return LockId{};
  bool added;
  remembered.find_or_add(key, &added);
  learn_fuse_mounts();
  return known_service(device);
}

LockId add_fuse_service(std::uint64_t device) {
  if (const LockId service = known_service(device)) return service;
  for (Device& entry : devices) {
    if (entry.number.load(std::memory_order_acquire) != 0) continue;
    std::uint32_t none = 0;
    const std::uint32_t fresh = new_lock_id().value;
    if (!entry.service.compare_exchange_strong(none, fresh, std::memory_order_acq_rel)) continue;
    entry.number.store(device, std::memory_order_release);
    fuse_mount_count.fetch_add(1, std::memory_order_release);
    watch_transfers();
    return LockId{fresh};
  }
  trace.lose(Lost::PendingFaults);
  return LockId{};
}

std::uint64_t newest_fuse_device() {
  return newest_device.load(std::memory_order_relaxed);
}

std::uint64_t device_of(int fd) {
  return fd >= 0 ? device_at(fd) : 0;
}

std::uint64_t fuse_device_of_path(int directory, const char* path) {
  char text[MountListParser::kLongestPoint + 2] = "";
  if (path == nullptr || !copy_path(text, sizeof text, path)) return 0;
  if (text[0] != '/') return std::strncmp(text, "..", 2) == 0 ? 0 : device_at(directory);
  const MountPoint* longest = nullptr;
  for (const std::atomic<const MountPoint*>& place : points) {
    const MountPoint* point = place.load(std::memory_order_acquire);
    if (point != nullptr && leads_to(text, *point) && (longest == nullptr || point->length > longest->length))
      longest = point;
  }
  return longest != nullptr ? longest->device : 0;
}

void fuse_mounts_after_fork() {
  is_learning.store(false, std::memory_order_relaxed);
}

bool is_fuse_service(LockId service) {
  for (const Device& entry : devices)
    if (service && entry.service.load(std::memory_order_relaxed) == service.value) return true;
  return false;
}

void write_fuse_service(ThreadState& writer, LockId service) {
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Lock, service.value), &added);
  if (value == nullptr) return;
  if (!added) {
    await_value(*value);
    return;
  }
  for (const Device& entry : devices) {
    if (entry.service.load(std::memory_order_relaxed) != service.value) continue;
    JsonLine line(writer.line, sizeof writer.line);
    line.begin("lock").number("id", service.value).text("kind", spelling(LockKind::Service)).hex("addr", 0);
    line.number("init", 0).number("first", 0);
    line.number("device", entry.number.load(std::memory_order_relaxed));
    trace.append(line.end());
    break;
  }
  value->store(1, std::memory_order_release);
}

}  // namespace faultline
