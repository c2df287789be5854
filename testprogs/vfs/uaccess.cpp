#include "uaccess.h"

#include <faultline/annotate.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "panic.h"
#include "sigbus.h"

namespace tvfs {
namespace {

// The end of the page that has `address`.
std::size_t to_page_end(const void* address) {
  return kPageSize - reinterpret_cast<std::uintptr_t>(address) % kPageSize;
}

int fault_in(const void* user, std::size_t n, bool store) {
  const auto* const bytes = static_cast<const std::byte*>(user);
  for (std::size_t at = 0; at < n; at += to_page_end(bytes + at))
    if (!user_touch(bytes + at, store)) return -EFAULT;
  return 0;
}

// One transfer by the real kernel between a memfd and user memory, from the first byte on until all are done:
// `transfer(done)` goes on behind `done` bytes. Where the kernel may not fault (SIGBUS serves), it fails with
// EFAULT, and the page is faulted in by a touch of our own.
template <class Transfer>
int transfer_all(const std::byte* user, std::size_t n, bool store, Transfer transfer) {
  for (std::size_t done = 0; done < n;) {
    const ssize_t moved = transfer(done);
    if (moved > 0)
      done += static_cast<std::size_t>(moved);
    else if (moved == 0)
      panic("the bounce page is short", EIO);
    else if (errno == EFAULT && fault_in(user + done, 1, store) != 0)
      return -EFAULT;
    else if (errno != EFAULT && errno != EINTR)
      panic("a copy by the kernel", errno);
  }
  return 0;
}

// The program's memory as the kernel's debuggers see it: a page that is not mapped, or not for stores, is an
// error there and no fault, whatever thread asks.
int memory_without_faults() {
  static const int fd = [] {
    const int opened = ::open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    if (opened < 0) panic("/proc/self/mem", errno);
    return opened;
  }();
  return fd;
}

template <class Transfer>
std::size_t transfer_nofault(std::size_t n, Transfer transfer) {
  faultline_fault_disable();
  std::size_t done = 0;
  while (done < n) {
    const ssize_t moved = transfer(done);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) break;
    done += static_cast<std::size_t>(moved);
  }
  faultline_fault_enable();
  return done;
}

off_t position_of(const void* user) {
  return static_cast<off_t>(reinterpret_cast<std::uintptr_t>(user));
}

// Of the calling thread: a copy between memory of the kernel's that has no descriptor and the user's.
BouncePage& bounce_of_thread() {
  thread_local BouncePage bounce;
  return bounce;
}

}  // namespace

int BouncePage::copy_from_user(const void* user, std::size_t n, CopyBy by) {
  const auto* const from = static_cast<const std::byte*>(user);
  if (by == CopyBy::OwnAccess) return user_copy(memory_.alias(), from, n) ? 0 : -EFAULT;
  return transfer_all(from, n, false, [&](std::size_t done) {
    return ::pwrite(memory_.fd(), from + done, n - done, static_cast<off_t>(done));
  });
}

int BouncePage::copy_to_user(void* user, std::size_t n, CopyBy by) {
  auto* const to = static_cast<std::byte*>(user);
  if (by == CopyBy::OwnAccess) return user_copy(to, memory_.alias(), n) ? 0 : -EFAULT;
  return transfer_all(to, n, true, [&](std::size_t done) {
    return ::pread(memory_.fd(), to + done, n - done, static_cast<off_t>(done));
  });
}

int copy_from_user(std::byte* to, const void* user, std::size_t n, CopyBy by) {
  if (by == CopyBy::OwnAccess) return user_copy(to, user, n) ? 0 : -EFAULT;
  BouncePage& bounce = bounce_of_thread();
  for (std::size_t done = 0; done < n;) {
    const std::size_t chunk = std::min(n - done, kPageSize);
    if (const int error = bounce.copy_from_user(static_cast<const std::byte*>(user) + done, chunk, by);
        error != 0)
      return error;
    std::memcpy(to + done, bounce.data(), chunk);
    done += chunk;
  }
  return 0;
}

int copy_to_user(void* user, const std::byte* from, std::size_t n, CopyBy by) {
  if (by == CopyBy::OwnAccess) return user_copy(user, from, n) ? 0 : -EFAULT;
  BouncePage& bounce = bounce_of_thread();
  for (std::size_t done = 0; done < n;) {
    const std::size_t chunk = std::min(n - done, kPageSize);
    std::memcpy(bounce.bytes(), from + done, chunk);
    if (const int error = bounce.copy_to_user(static_cast<std::byte*>(user) + done, chunk, by); error != 0)
      return error;
    done += chunk;
  }
  return 0;
}

std::size_t copy_from_user_nofault(std::byte* to, const void* user, std::size_t n) {
  const auto* const from = static_cast<const std::byte*>(user);
  return transfer_nofault(n, [&](std::size_t done) {
    return ::pread(memory_without_faults(), to + done, n - done, position_of(from + done));
  });
}

std::size_t copy_to_user_nofault(void* user, const std::byte* from, std::size_t n) {
  auto* const to = static_cast<std::byte*>(user);
  return transfer_nofault(n, [&](std::size_t done) {
    return ::pwrite(memory_without_faults(), from + done, n - done, position_of(to + done));
  });
}

int fault_in_readable(const void* user, std::size_t n) {
  return fault_in(user, n, false);
}

int fault_in_writeable(void* user, std::size_t n) {
  return fault_in(user, n, true);
}

}  // namespace tvfs
