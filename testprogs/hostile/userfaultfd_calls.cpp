// A userfaultfd used by the book and against it: versions and features that do not exist, requests before the
// handshake, messages read with and without one waiting, pages resolved twice.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

void show(const char* what, long result) {
  std::printf("%-36s %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

int open_uffd() {
  return static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
}

void handshakes() {
  uffdio_api wrong_version = {.api = 0x99, .features = 0, .ioctls = 0};
  uffdio_api no_such_feature = {.api = UFFD_API, .features = uint64_t{1} << 62, .ioctls = 0};
  uffdio_api good = {.api = UFFD_API, .features = 0, .ioctls = 0};
  const int fd = open_uffd();
  uffdio_range nothing = {.start = 0, .len = 0};
  show("wake before the handshake", ioctl(fd, UFFDIO_WAKE, &nothing));
  show("a version that does not exist", ioctl(fd, UFFDIO_API, &wrong_version));
  show("a feature that does not exist", ioctl(fd, UFFDIO_API, &no_such_feature));
  std::printf("what came back: %llx %llx\n", static_cast<unsigned long long>(no_such_feature.api),
              static_cast<unsigned long long>(no_such_feature.features));
  show("handshake", ioctl(fd, UFFDIO_API, &good));
  std::printf("features: %s\n", (good.features & UFFD_FEATURE_THREAD_ID) ? "some" : "none");
  show("a second handshake", ioctl(fd, UFFDIO_API, &good));
  show("handshake without memory", ioctl(fd, UFFDIO_API, nullptr));
  show("close", close(fd));
  show("close again", close(fd));
}

void serve_one_page() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const int fd = open_uffd();
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  ioctl(fd, UFFDIO_API, &api);
  char* memory =
      static_cast<char*>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  uffdio_register range = {.range = {.start = reinterpret_cast<uintptr_t>(memory), .len = page},
                           .mode = UFFDIO_REGISTER_MODE_MISSING,
                           .ioctls = 0};
  show("register", ioctl(fd, UFFDIO_REGISTER, &range));
  uffdio_register crooked = range;
  crooked.range.start += 1;
  show("register at a crooked address", ioctl(fd, UFFDIO_REGISTER, &crooked));
  uffd_msg message;
  show("read with nothing waiting", read(fd, &message, sizeof message));
  show("read into too little", read(fd, &message, 1));

  char seen = 0;
  std::thread toucher([&] { seen = *static_cast<volatile char*>(memory); });
  pollfd wanted = {.fd = fd, .events = POLLIN, .revents = 0};
  show("poll", poll(&wanted, 1, 10'000));
  show("read", read(fd, &message, sizeof message));
  std::printf("a fault at the page: %d\n",
              message.event == UFFD_EVENT_PAGEFAULT &&
                  (message.arg.pagefault.address & ~uint64_t{page - 1}) == range.range.start);
  alignas(4096) static char source[4096] = "s";
  uffdio_copy copy = {.dst = range.range.start,
                      .src = reinterpret_cast<uintptr_t>(source),
                      .len = page,
                      .mode = 0,
                      .copy = 0};
  show("copy", ioctl(fd, UFFDIO_COPY, &copy));
  show("copy to the same page again", ioctl(fd, UFFDIO_COPY, &copy));
  toucher.join();
  std::printf("the toucher saw %c\n", seen);
  show("unregister", ioctl(fd, UFFDIO_UNREGISTER, &range.range));
  close(fd);
  munmap(memory, page);
}

int main() {
  const int probe = open_uffd();
  if (probe < 0) {
    std::printf("skipped: userfaultfd: %s\n", std::strerror(errno));
    return 77;
  }
  close(probe);
  handshakes();
  serve_one_page();
}
