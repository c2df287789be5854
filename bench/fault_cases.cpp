// The page faults that are measured (cases.h: how, and the command line). The server is a thread of the same
// program on the same processor, as cross-processor wake-ups vary more than anything a shim adds.
//
// Where userfaultfd is not permitted, --list says so on standard error and names the other cases only.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "cases.h"

namespace {

using cases::Case;
using cases::kNoGoal;
using cases::measure;

constexpr std::size_t kPages = 512;

std::size_t page_size() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

[[noreturn]] void fatal(const char* what) {
  std::fprintf(stderr, "fault_cases: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

volatile char* map_pages(int flags = MAP_PRIVATE | MAP_ANONYMOUS, int file = -1) {
  void* memory = mmap(nullptr, kPages * page_size(), PROT_READ | PROT_WRITE, flags, file, 0);
  if (memory == MAP_FAILED) fatal("mmap");
  madvise(memory, kPages * page_size(), MADV_NOHUGEPAGE);
  return static_cast<volatile char*>(memory);
}

// Touches one page after the other, each absent; drops all of them after the last. Its cost is spread over
// 512 faults, in every setup alike.
double touch_absent_pages(volatile char* memory) {
  return measure([memory](std::uint64_t i) {
    const std::size_t page = i % kPages;
    if (page == 0) madvise(const_cast<char*>(memory), kPages * page_size(), MADV_DONTNEED);
    static_cast<void>(memory[page * page_size()]);
  });
}

int open_userfaultfd() {
  const long fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  uffdio_api api = {};
  api.api = UFFD_API;
  if (ioctl(static_cast<int>(fd), UFFDIO_API, &api) != 0) return -1;
  return static_cast<int>(fd);
}

// A server as the manual page of userfaultfd has it: poll, read one message, resolve it. Ends with the
// process.
void* serve(void* argument) {
  const int fd = *static_cast<int*>(argument);
  for (;;) {
    pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
    poll(&ready, 1, -1);
    uffd_msg message = {};
    if (read(fd, &message, sizeof message) != sizeof message) continue;
    uffdio_zeropage zero = {};
    zero.range.start = message.arg.pagefault.address & ~(page_size() - 1);
    zero.range.len = page_size();
    if (ioctl(fd, UFFDIO_ZEROPAGE, &zero) != 0 && errno != EEXIST) fatal("UFFDIO_ZEROPAGE");
  }
}

volatile char* served_pages() {
  static const int fd = open_userfaultfd();
  if (fd < 0) fatal("userfaultfd");
  volatile char* memory = map_pages();
  uffdio_register range = {};
  range.range.start = reinterpret_cast<std::uintptr_t>(memory);
  range.range.len = kPages * page_size();
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (ioctl(fd, UFFDIO_REGISTER, &range) != 0) fatal("UFFDIO_REGISTER");
  pthread_t server;
  if (pthread_create(&server, nullptr, serve, const_cast<int*>(&fd)) != 0) fatal("pthread_create");
  return memory;
}

double plain_fault() {
  cases::park_a_thread();
  return touch_absent_pages(map_pages());
}

double served_fault() {
  return touch_absent_pages(served_pages());
}

pthread_mutex_t section = PTHREAD_MUTEX_INITIALIZER;

// One page after the other, in a critical section each; `renew` makes all of them absent again.
template <class Touch, class Renew>
double touch_in_sections(volatile char* memory, Touch touch, Renew renew) {
  cases::park_a_thread();
  return measure([=](std::uint64_t i) {
    const std::size_t page = i % kPages;
    if (page == 0) renew(const_cast<char*>(memory));
    pthread_mutex_lock(&section);
    touch(memory + page * page_size());
    pthread_mutex_unlock(&section);
  });
}

constexpr auto read_byte = [](volatile char* page) { static_cast<void>(*page); };
constexpr auto write_byte = [](volatile char* page) { *page = 1; };

void drop(char* memory) {
  madvise(memory, kPages * page_size(), MADV_DONTNEED);
}

// Present, but the zero page: a write copies it.
void drop_and_read(char* memory) {
  drop(memory);
  for (std::size_t page = 0; page < kPages; ++page) read_byte(memory + page * page_size());
}

double zero_page() {
  return touch_in_sections(map_pages(), read_byte, drop);
}

double anonymous_write() {
  return touch_in_sections(map_pages(), write_byte, drop);
}

double copy_on_write() {
  return touch_in_sections(map_pages(), write_byte, drop_and_read);
}

// In the page cache throughout: only the mapping is made anew.
double memfd_write() {
  const int file = memfd_create("pages", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(kPages * page_size())) != 0) fatal("memfd_create");
  volatile char* memory = map_pages(MAP_SHARED, file);
  for (std::size_t page = 0; page < kPages; ++page) write_byte(memory + page * page_size());
  return touch_in_sections(memory, write_byte, drop);
}

// The lock is taken and given up again before the page is touched: each fault is passed over.
double fault_between() {
  volatile char* memory = map_pages();
  cases::park_a_thread();
  return measure([=](std::uint64_t i) {
    const std::size_t page = i % kPages;
    if (page == 0) drop(const_cast<char*>(memory));
    pthread_mutex_lock(&section);
    pthread_mutex_unlock(&section);
    read_byte(memory + page * page_size());
  });
}

constexpr Case kCases[] = {
    {"fault", 1, kNoGoal, "a page fault that the kernel resolves by itself", plain_fault},
    {"fault-locked", 1, kNoGoal, "the same, with a lock held", cases::under_a_lock<plain_fault>},
    {"zero-page", 1, kNoGoal, "lock, first read of an anonymous page, unlock", zero_page},
    {"anonymous-write", 1, kNoGoal, "the same with a write", anonymous_write},
    {"copy-on-write", 1, kNoGoal, "the same with a write to the zero page", copy_on_write},
    {"memfd-write", 1, kNoGoal, "the same with a write to a page of a memfd", memfd_write},
    {"zero-page-between", 1, kNoGoal, "lock, unlock, first read of an anonymous page", fault_between},
    {"served-fault", 1, kNoGoal, "a page fault served through userfaultfd", served_fault},
    {"served-fault-locked", 1, kNoGoal, "the same, with a lock held", cases::under_a_lock<served_fault>},
};

}  // namespace

int main(int argc, char** argv) {
  std::span<const Case> possible = kCases;
  const int probe = open_userfaultfd();
  if (probe < 0) {
    std::fprintf(stderr, "skipped: served faults, as userfaultfd is refused here: %s\n",
                 std::strerror(errno));
    possible = possible.first(possible.size() - 2);
  } else {
    close(probe);
  }
  return cases::main_of(possible, argc, argv);
}
