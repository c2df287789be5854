#include "uffd.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "panic.h"
#include "shared_memory.h"

namespace tvfs {
namespace {

// Linux 6.4, newer than the headers of Debian 12. The kernel tells by the feature that came with it.
constexpr std::uint64_t kContinueModeWp = 1 << 1;
constexpr std::uint64_t kFeatureWpUnpopulated = 1 << 13;

// Linux 6.6.
struct Poison {
  uffdio_range range;
  std::uint64_t mode;
  std::int64_t updated;
};
constexpr std::uint64_t kFeaturePoison = 1 << 14;
constexpr unsigned long kPoisonRequest = _IOWR(UFFDIO, 0x08, Poison);
constexpr std::uint64_t kPoisonDontWake = 1 << 0;

// With a handler, faults of system calls are half of what the scenarios are about; SIGBUS serves none of
// them, and so needs no right to.
int open_userfaultfd(FaultsBy served_by) {
  const int flags = O_CLOEXEC | O_NONBLOCK | (served_by == FaultsBy::Sigbus ? UFFD_USER_MODE_ONLY : 0);
  const int fd = static_cast<int>(::syscall(SYS_userfaultfd, flags));
  if (fd >= 0) return fd;
  const int refused = errno;
  const int device = ::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
  if (device < 0) {
    errno = refused;
    return -1;
  }
  const int made = ::ioctl(device, USERFAULTFD_IOC_NEW, flags);
  ::close(device);
  return made;
}

}  // namespace

Uffd::Uffd(FaultsBy served_by) : served_by_(served_by), fd_(open_userfaultfd(served_by)) {
  if (fd_ < 0)
    throw Skipped{
        std::string("userfaultfd that serves system calls is refused (") + std::strerror(errno) +
        "): it takes root, CAP_SYS_PTRACE, access to /dev/userfaultfd, or vm.unprivileged_userfaultfd=1"};
  const bool by_signal = served_by == FaultsBy::Sigbus;
  uffdio_api api = {.api = UFFD_API,
                    .features = UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
                                (by_signal ? UFFD_FEATURE_SIGBUS : 0ul),
                    .ioctls = 0};
  if (::ioctl(fd_, UFFDIO_API, &api) != 0) {
    const int error = errno;
    ::close(fd_);
    throw Skipped{std::string("userfaultfd does not serve write-protected shared memory here (") +
                  std::strerror(error) + "): it takes Linux 5.19"};
  }
  can_map_write_protected_ = (api.features & kFeatureWpUnpopulated) != 0;
  can_poison_ = (api.features & kFeaturePoison) != 0;
}

Uffd::~Uffd() {
  ::close(fd_);
}

void Uffd::require_failing_faults() const {
  if (served_by_ == FaultsBy::Handler && !can_poison_)
    throw Skipped{
        "userfaultfd cannot poison a page here, so no fault can fail: it takes Linux 6.6 (or "
        "--faults-by=sigbus)"};
}

void Uffd::watch(void* start, std::size_t length) {
  uffdio_register request = {
      .range = {.start = reinterpret_cast<std::uintptr_t>(start), .len = length},
      .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_WP,
      .ioctls = 0};
  if (::ioctl(fd_, UFFDIO_REGISTER, &request) != 0) panic("UFFDIO_REGISTER", errno);
}

void Uffd::map_page(std::uintptr_t address, bool writable) {
  uffdio_continue request = {.range = {.start = address, .len = kPageSize},
                             .mode = writable || !can_map_write_protected_ ? 0 : kContinueModeWp,
                             .mapped = 0};
  while (::ioctl(fd_, UFFDIO_CONTINUE, &request) != 0) {
    if (errno == EAGAIN) continue;
    if (errno == EFAULT) return wake(address);  // no such page of the memfd (any more)
    if (errno != EEXIST) panic("UFFDIO_CONTINUE", errno);
    // Another thread's fault, or fault-around, mapped it first: perhaps write-protected.
    if (writable)
      make_writable(address);
    else
      wake(address);
    return;
  }
}

void Uffd::set_protection(std::uintptr_t address, std::uint64_t mode, const char* what) {
  uffdio_writeprotect request = {.range = {.start = address, .len = kPageSize}, .mode = mode};
  while (::ioctl(fd_, UFFDIO_WRITEPROTECT, &request) != 0)
    if (errno != EAGAIN) panic(what, errno);
}

void Uffd::write_protect(std::uintptr_t address) {
  set_protection(address, UFFDIO_WRITEPROTECT_MODE_WP, "UFFDIO_WRITEPROTECT (on)");
}

void Uffd::make_writable(std::uintptr_t address) {
  set_protection(address, 0, "UFFDIO_WRITEPROTECT (off)");
}

void Uffd::wake(std::uintptr_t address) {
  uffdio_range request = {.start = address, .len = kPageSize};
  if (::ioctl(fd_, UFFDIO_WAKE, &request) != 0) panic("UFFDIO_WAKE", errno);
}

void Uffd::unmap_page(std::uintptr_t address) {
  if (::madvise(reinterpret_cast<void*>(address), kPageSize, MADV_DONTNEED) != 0)
    panic("madvise of a mapped page", errno);
}

bool Uffd::poison(std::uintptr_t address) {
  // What there is must go first: the page, then the mark that it was write-protected.
  unmap_page(address);
  uffdio_writeprotect unmark = {.range = {.start = address, .len = kPageSize},
                                .mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE};
  while (::ioctl(fd_, UFFDIO_WRITEPROTECT, &unmark) != 0)
    if (errno != EAGAIN) panic("UFFDIO_WRITEPROTECT (a page that is not there)", errno);
  Poison request = {.range = {.start = address, .len = kPageSize}, .mode = kPoisonDontWake, .updated = 0};
  while (::ioctl(fd_, kPoisonRequest, &request) != 0) {
    if (errno == EINVAL || errno == ENOTTY) return false;
    if (errno == EEXIST) break;  // by another thread that met the same
    if (errno != EAGAIN) panic("UFFDIO_POISON", errno);
  }
  wake(address);
  return true;
}

bool Uffd::next(uffd_msg& message) {
  const ssize_t got = ::read(fd_, &message, sizeof message);
  if (got == static_cast<ssize_t>(sizeof message)) return true;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  panic("reading a userfaultfd message", got < 0 ? errno : EIO);
}

}  // namespace tvfs
