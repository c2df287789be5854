// The receiving end of a post-copy migration: memory that is registered empty, and a server that fetches each
// page when it is touched. What is different between servers is theirs: how they read messages, and what
// they do for a page.
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "raw_ring.h"

// Memory whose faults, also the kernel's, somebody with the descriptor must serve.
struct PostcopyMemory {
  explicit PostcopyMemory(size_t pages, uint64_t features = 0)
      : page_size(sysconf(_SC_PAGESIZE)), length(pages * page_size) {
    uffd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    if (uffd < 0) return;
    uffdio_api api = {.api = UFFD_API, .features = features, .ioctls = 0};
    memory = static_cast<char*>(
        ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    uffdio_register range = {.range = {.start = reinterpret_cast<uintptr_t>(memory), .len = length},
                             .mode = UFFDIO_REGISTER_MODE_MISSING,
                             .ioctls = 0};
    if (::ioctl(uffd, UFFDIO_API, &api) == 0 && ::ioctl(uffd, UFFDIO_REGISTER, &range) == 0) return;
    ::close(uffd);
    uffd = -1;
  }
  char* page(size_t index) const { return memory + index * page_size; }

  size_t page_size;
  size_t length;
  int uffd;
  char* memory = nullptr;
};

// One message by each of the ways there are; false at the end.
inline bool wait_for_message(int uffd) {
  pollfd wanted = {.fd = uffd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, -1) == 1;
}

inline bool next_by_read(int uffd, uffd_msg& message) {
  return wait_for_message(uffd) && ::read(uffd, &message, sizeof message) == sizeof message;
}

inline bool next_by_readv(int uffd, uffd_msg& message) {
  char head[5];
  char tail[sizeof message];
  const iovec pieces[] = {{head, sizeof head}, {tail, sizeof message - sizeof head}};
  if (!wait_for_message(uffd) || ::readv(uffd, pieces, 2) != sizeof message) return false;
  std::memcpy(&message, head, sizeof head);
  std::memcpy(reinterpret_cast<char*>(&message) + sizeof head, tail, sizeof message - sizeof head);
  return true;
}

inline bool next_by_ring(int uffd, uffd_msg& message) {
  static RawRing ring;
  return ring.read(uffd, &message, sizeof message) == sizeof message;
}

// What another thread has read.
inline bool next_handed_over(int uffd, uffd_msg& message) {
  static std::mutex queue_lock;
  static std::condition_variable filled;
  static std::deque<uffd_msg> queue;
  static const bool started = [uffd] {
    std::thread([uffd] {
      for (uffd_msg read; next_by_read(uffd, read);) {
        const std::lock_guard queued(queue_lock);
        queue.push_back(read);
        filled.notify_one();
      }
    }).detach();
    return true;
  }();
  std::unique_lock queued(queue_lock);
  filled.wait(queued, [] { return !queue.empty(); });
  message = queue.front();
  queue.pop_front();
  return started;
}

using NextMessage = bool (*)(int uffd, uffd_msg& message);

inline NextMessage next_by(const std::string& way) {
  if (way == "readv") return next_by_readv;
  if (way == "handed") return next_handed_over;
  return way == "uring" ? next_by_ring : next_by_read;
}

// Serves `pages` pages of the memory that begins at `start`; `fetch` fills one of them, by its index.
inline void serve_pages(int uffd, NextMessage next, uint64_t start, size_t pages, size_t page_size,
                        const std::function<void(char* page, size_t index)>& fetch) {
  std::vector<char> page(page_size);
  for (size_t served = 0; served < pages;) {
    uffd_msg message;
    if (!next(uffd, message) || message.event != UFFD_EVENT_PAGEFAULT) continue;
    const uint64_t address = message.arg.pagefault.address & ~uint64_t(page_size - 1);
    fetch(page.data(), (address - start) / page_size);
    uffdio_copy copy = {.dst = address,
                        .src = reinterpret_cast<uintptr_t>(page.data()),
                        .len = page_size,
                        .mode = 0,
                        .copy = 0};
    if (::ioctl(uffd, UFFDIO_COPY, &copy) == 0) ++served;
  }
}
