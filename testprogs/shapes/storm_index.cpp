// A snapshot's memory, in a memfd: a page's first fault enters it into an index, under the index lock, by the
// thread that serves faults. An entry is read under the table lock, which enters its page; later it is read
// under the index lock. By then the page is there and no fault happens, yet it could: index -> (page fault)
// -> index. With "events" the userfaultfd asks to be told of removed memory; with "table" the second reader
// takes the table lock, too.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

constexpr size_t kPage = 4096;

std::mutex table_lock;
std::mutex index_lock;
bool in_index = false;  // of the one page there is
std::atomic<int> removals{0};

int skip(const char* what) {
  std::printf("skipped: %s: %s\n", what, std::strerror(errno));
  return 77;
}

int open_userfaultfd(std::uint64_t features) {
  const int flags = O_CLOEXEC | O_NONBLOCK;
  int fd = static_cast<int>(syscall(SYS_userfaultfd, flags));
  if (fd < 0) fd = static_cast<int>(syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY));
  uffdio_api api = {.api = UFFD_API, .features = features, .ioctls = 0};
  return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 ? fd : -1;
}

void enter_page() {
  std::lock_guard index(index_lock);
  in_index = true;
}

void serve(int fd, int stop) {
  pollfd wanted[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                     {.fd = stop, .events = POLLIN, .revents = 0}};
  bool is_entered = false;
  while (poll(wanted, 2, -1) > 0 && wanted[1].revents == 0) {
    uffd_msg message;
    if (read(fd, &message, sizeof message) != sizeof message) continue;
    if (message.event == UFFD_EVENT_REMOVE) ++removals;
    if (message.event != UFFD_EVENT_PAGEFAULT) continue;
    if (!is_entered) enter_page();
    is_entered = true;
    uffdio_continue resume = {};
    resume.range = {.start = message.arg.pagefault.address & ~std::uint64_t(kPage - 1), .len = kPage};
    ioctl(fd, UFFDIO_CONTINUE, &resume);
  }
}

[[gnu::noinline]] char read_in_table(const char* entry) {
  std::lock_guard table(table_lock);
  return *static_cast<const volatile char*>(entry);
}

[[gnu::noinline]] char read_in_index(const char* entry) {
  std::lock_guard index(index_lock);
  return in_index ? *static_cast<const volatile char*>(entry) : '?';
}

int main(int argc, char** argv) {
  const auto asked_for = [&](const char* what) { return argc > 1 && std::strcmp(argv[1], what) == 0; };
  const int fd = open_userfaultfd(asked_for("events") ? UFFD_FEATURE_EVENT_REMOVE : 0);
  if (fd < 0) return skip("userfaultfd");
  const int file = memfd_create("snapshot", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, kPage) != 0 || pwrite(file, "x", 1, 0) != 1) return 1;
  auto* memory = static_cast<char*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  uffdio_register range = {.range = {.start = reinterpret_cast<std::uintptr_t>(memory), .len = kPage},
                           .mode = UFFDIO_REGISTER_MODE_MINOR,
                           .ioctls = 0};
  if (ioctl(fd, UFFDIO_REGISTER, &range) != 0) return skip("minor faults");
  const int stop = eventfd(0, EFD_CLOEXEC);
  std::thread server(serve, fd, stop);

  char first = 0;
  char second = 0;
  std::thread([&] { first = read_in_table(memory); }).join();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::thread([&] { second = asked_for("table") ? read_in_table(memory) : read_in_index(memory); }).join();
  std::printf("read %c %c, told of %d removals\n", first, second, removals.load());

  const std::uint64_t one = 1;
  if (write(stop, &one, sizeof one) != sizeof one) return 1;
  server.join();
}
