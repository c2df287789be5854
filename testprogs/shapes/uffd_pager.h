// A post-copy pager as a live-migration or snapshot tool has one: memory that is empty at first, and a thread
// that fetches each page when somebody touches it.
//
// The fetch function is called by the pager's own thread, with no lock held, and fills one page. A process
// that may not use userfaultfd gets a Pager that is not ok(); `refused()` says why.
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

class Pager {
 public:
  using Fetch = void (*)(char* page, size_t size);

  // `kernel_too`: faults of system calls that touch the memory are served as well; needs more rights.
  Pager(size_t pages, bool kernel_too, Fetch fetch)
      : page_(sysconf(_SC_PAGESIZE)), length_(pages * page_), fetch_(fetch) {
    if (!start(kernel_too)) why_ = std::strerror(errno);
  }

  ~Pager() {
    if (thread_.joinable()) {
      const uint64_t one = 1;
      if (::write(stop_, &one, sizeof one) == sizeof one) thread_.join();
    }
    if (memory_ != MAP_FAILED) ::munmap(memory_, length_);
    if (stop_ >= 0) ::close(stop_);
    if (uffd_ >= 0) ::close(uffd_);
  }

  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  bool ok() const { return why_.empty(); }
  const std::string& refused() const { return why_; }
  char* page(size_t index) const { return static_cast<char*>(memory_) + index * page_; }
  size_t page_size() const { return page_; }

 private:
  bool start(bool kernel_too) {
    const int flags = O_CLOEXEC | O_NONBLOCK;
    uffd_ = static_cast<int>(::syscall(SYS_userfaultfd, flags));
    if (uffd_ < 0 && !kernel_too)
      uffd_ = static_cast<int>(::syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY));
    if (uffd_ < 0) return false;
    uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
    if (::ioctl(uffd_, UFFDIO_API, &api) != 0) return false;
    memory_ = ::mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) return false;
    uffdio_register range = {.range = {.start = reinterpret_cast<uintptr_t>(memory_), .len = length_},
                             .mode = UFFDIO_REGISTER_MODE_MISSING,
                             .ioctls = 0};
    if (::ioctl(uffd_, UFFDIO_REGISTER, &range) != 0) return false;
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    if (stop_ < 0) return false;
    thread_ = std::thread(&Pager::serve, this);
    return true;
  }

  void serve() {
    std::vector<char> page(page_);
    pollfd wanted[] = {{.fd = uffd_, .events = POLLIN, .revents = 0},
                       {.fd = stop_, .events = POLLIN, .revents = 0}};
    while (::poll(wanted, 2, -1) > 0 && wanted[1].revents == 0) {
      uffd_msg message;
      if (::read(uffd_, &message, sizeof message) != sizeof message || message.event != UFFD_EVENT_PAGEFAULT)
        continue;
      fetch_(page.data(), page_);
      uffdio_copy copy = {.dst = message.arg.pagefault.address & ~uint64_t(page_ - 1),
                          .src = reinterpret_cast<uintptr_t>(page.data()),
                          .len = page_,
                          .mode = 0,
                          .copy = 0};
      ::ioctl(uffd_, UFFDIO_COPY, &copy);
    }
  }

  size_t page_;
  size_t length_;
  Fetch fetch_;
  std::string why_;
  int uffd_ = -1;
  int stop_ = -1;
  void* memory_ = MAP_FAILED;
  std::thread thread_;
};
