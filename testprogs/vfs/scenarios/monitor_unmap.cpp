// monitor-unmap: memory whose pages a monitor serves, freed under the monitor's own lock.
//
// The story. A cache fills its memory on demand: a thread, the monitor, serves the faults, and keeps account
// of what is resident under monitor_lock. It has asked to be told when memory of its range is freed or
// unmapped (UFFD_EVENT_REMOVE, UFFD_EVENT_UNMAP); the kernel then lets whoever frees it wait until the
// monitor has read that message. The cache evicts under monitor_lock, as the account must fit:
//
//   evictor   monitor_lock -> madvise, munmap: waits for the monitor to read
//   monitor   serves a fault, books it under monitor_lock, and only then reads the next message
//
// No fault is part of it: nobody touches memory under the lock. The cure (defer): unlock, then free.
//
// By default the evictor comes when the monitor has booked all and waits for a message. --really: a fault is
// served while the evictor holds the lock, so the monitor waits to book it. This scenario has a memory of its
// own, no file system, and faults are always served by the monitor.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "scenarios/all.h"
#include "scenarios/common.h"
#include "thread.h"

namespace tvfs {
namespace monitor_unmap {

constexpr Variant kVariants[] = {
    {"broken", true,
     "an error: monitor_lock -> service (of events) -> monitor_lock, feasible, without a fault", Hangs::Yes},
    {"defer", false, "nothing at warning or above"},
};

constexpr std::size_t kPages = 8;
constexpr std::uint64_t kContent = 1;

int open_userfaultfd() {
  const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
  if (fd < 0) throw Skipped{std::string("userfaultfd is refused: ") + std::strerror(errno)};
  uffdio_api api = {
      .api = UFFD_API, .features = UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP, .ioctls = 0};
  if (::ioctl(fd, UFFDIO_API, &api) == 0) return fd;
  const int error = errno;
  ::close(fd);
  throw Skipped{std::string("userfaultfd tells of no freed memory here: ") + std::strerror(error)};
}

class Cache {
 public:
  explicit Cache(bool frees_under_lock)
      : frees_under_lock_(frees_under_lock),
        uffd_(open_userfaultfd()),
        memory_(map_memory()),
        monitor_(
            "monitor", [](void* self) { static_cast<Cache*>(self)->serve(); }, this) {}

  // Nobody may touch its memory any more.
  ~Cache() {
    // What is left of it is unmapped while the monitor still reads.
    ::munmap(memory_, kPages * kPageSize);
    stop_.happen();
    monitor_.join();
    ::close(uffd_);
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const std::byte* page(std::size_t index) const { return memory_ + index * kPageSize; }

  // Evicts a page: its memory is freed, and comes back as it was with the next touch.
  void evict(std::size_t index) {
    free_page(index, [this](std::byte* at) {
      if (::madvise(at, kPageSize, MADV_DONTNEED) != 0) panic("madvise", errno);
    });
  }

  // Gives a page up for good.
  void drop(std::size_t index) {
    free_page(index, [](std::byte* at) {
      if (::munmap(at, kPageSize) != 0) panic("munmap", errno);
    });
  }

  int resident() {
    const std::lock_guard guard(monitor_lock_);
    return resident_;
  }

  // Called with monitor_lock held, by who is about to free memory.
  void (*before_free)(void* argument) = nullptr;
  void* argument = nullptr;

 private:
  std::byte* map_memory() {
    void* const address =
        ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) panic("mmap", errno);
    uffdio_register request = {
        .range = {.start = reinterpret_cast<std::uintptr_t>(address), .len = kPages * kPageSize},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
        .ioctls = 0};
    if (::ioctl(uffd_, UFFDIO_REGISTER, &request) != 0) panic("UFFDIO_REGISTER", errno);
    return static_cast<std::byte*>(address);
  }

  template <class Free>
  [[gnu::noinline]] void free_page(std::size_t index, Free free) {
    std::byte* const at = memory_ + index * kPageSize;
    {
      const std::lock_guard guard(monitor_lock_);
      --resident_;
      if (before_free != nullptr) before_free(argument);
      if (frees_under_lock_) free(at);
    }
    if (!frees_under_lock_) free(at);
  }

  [[gnu::noinline]] void book(int filled) {
    const std::lock_guard guard(monitor_lock_);
    resident_ += filled;
  }

  // One message, or none. Returns how many pages were filled.
  int serve_next() {
    uffd_msg message;
    if (::read(uffd_, &message, sizeof message) != static_cast<ssize_t>(sizeof message)) {
      if (errno == EAGAIN || errno == EINTR) return 0;
      panic("reading a userfaultfd message", errno);
    }
    return message.event == UFFD_EVENT_PAGEFAULT ? fill(message.arg.pagefault.address / kPageSize * kPageSize)
                                                 : 0;
  }

  int fill(std::uintptr_t address) {
    const std::size_t offset = address - reinterpret_cast<std::uintptr_t>(memory_);
    fill_pattern(content_, kContent, offset);
    uffdio_copy request = {.dst = address,
                           .src = reinterpret_cast<std::uintptr_t>(content_.data()),
                           .len = kPageSize,
                           .mode = 0,
                           .copy = 0};
    // EAGAIN: memory is being unmapped somewhere in the process; the monitor reads that message first.
    if (::ioctl(uffd_, UFFDIO_COPY, &request) != 0) {
      if (errno != EAGAIN) panic("UFFDIO_COPY", errno);
      uffdio_range range = {.start = address, .len = kPageSize};
      if (::ioctl(uffd_, UFFDIO_WAKE, &range) != 0) panic("UFFDIO_WAKE", errno);
      return 0;
    }
    return 1;
  }

  void serve() {
    pollfd wanted = {.fd = uffd_, .events = POLLIN, .revents = 0};
    constexpr int kLookMs = 10;
    while (!stop_.has_happened()) {
      if (::poll(&wanted, 1, kLookMs) < 0 && errno != EINTR) panic("poll", errno);
      if (const int filled = serve_next(); filled != 0) book(filled);
    }
  }

  const bool frees_under_lock_;
  const int uffd_;
  std::byte* const memory_;
  std::vector<std::byte> content_ = std::vector<std::byte>(kPageSize);  // the monitor's
  Event stop_;
  Mutex monitor_lock_{"monitor_lock"};
  int resident_ = 0;  // under monitor_lock_
  Thread monitor_;
};

struct World {
  explicit World(const RunOptions& how) : options(how), cache(how.variant.name == "broken") {}

  const RunOptions& options;
  DataCheck data;
  Cache cache;

  // The schedule that hangs.
  Event evictor_locked;
  Event touched;
};

void check_page(World& world, std::size_t index) {
  world.data.same("a page of the cache", content_of(kContent, kPageSize, index * kPageSize),
                  {world.cache.page(index), kPageSize});
}

// Until the monitor has booked what it filled, and waits for a message.
void wait_for_account(World& world, int resident) {
  while (world.cache.resident() != resident) ::usleep(100);
}

void evict_pages(void* argument) {
  World& world = *static_cast<World*>(argument);
  check_page(world, 0);
  check_page(world, 1);
  wait_for_account(world, 2);
  world.cache.evict(0);
  check_page(world, 0);
  wait_for_account(world, 2);
  world.cache.drop(1);
}

void touch_meanwhile(void* argument) {
  World& world = *static_cast<World*>(argument);
  world.evictor_locked.wait();
  check_page(world, 2);
  world.touched.happen();
}

int run(const RunOptions& options) {
  World world(options);
  if (options.really) {
    world.cache.argument = &world;
    world.cache.before_free = [](void* self) {
      auto& here = *static_cast<World*>(self);
      here.evictor_locked.happen();
      here.touched.wait();
      let_it_wait();
    };
  }
  Thread evictor("evictor", evict_pages, &world);
  if (options.really) {
    Thread toucher("toucher", touch_meanwhile, &world);
    toucher.join();
  }
  evictor.join();
  // Pages 0 and 1 were filled, 0 once more; both were freed once.
  world.data.holds("the account fits", world.cache.resident() == 1);
  return world.data.verdict();
}

}  // namespace monitor_unmap

const Scenario kMonitorUnmap = {
    .name = "monitor-unmap",
    .summary = "memory of a served range freed under the lock that its server takes before it reads on",
    .variants = monitor_unmap::kVariants,
    .run = monitor_unmap::run,
};

}  // namespace tvfs
