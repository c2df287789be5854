// A userfaultfd server that fetches pages before anybody asks for them, while threads that fault and take
// locks begin and end: at every page the shim looks at what all threads do.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 64;
constexpr int kThreads = 4000;
constexpr int kAtOnce = 4;

pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;
long counter = 0;

void* anonymous(std::size_t length) {
  return mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

// Faults outside of what is served, with a lock held.
void work() {
  auto* own = static_cast<volatile char*>(anonymous(kPage));
  pthread_mutex_lock(&counter_lock);
  own[0] = 1;
  counter += own[0];
  pthread_mutex_unlock(&counter_lock);
  munmap(const_cast<char*>(own), kPage);
}

}  // namespace

int main() {
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  uffdio_api api = {.api = UFFD_API, .features = 0, .ioctls = 0};
  if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0) {
    std::puts("skipped: userfaultfd is not permitted");
    return 77;
  }
  auto* memory = static_cast<char*>(anonymous(kPages * kPage));
  uffdio_register served = {};
  served.range = {.start = reinterpret_cast<std::uintptr_t>(memory), .len = kPages * kPage};
  served.mode = UFFDIO_REGISTER_MODE_MISSING;
  std::printf("register: %d\n", ioctl(fd, UFFDIO_REGISTER, &served));

  std::atomic<bool> done{false};
  std::atomic<long> failed{0};
  std::thread server([&] {
    static char content[kPage];
    while (!done) {
      for (std::size_t page = 0; page < kPages; ++page) {
        uffdio_copy copy = {};
        copy.dst = served.range.start + page * kPage;
        copy.src = reinterpret_cast<std::uintptr_t>(content);
        copy.len = kPage;
        failed += ioctl(fd, UFFDIO_COPY, &copy) != 0;
      }
      failed += madvise(memory, kPages * kPage, MADV_DONTNEED) != 0;
    }
  });
  std::vector<std::thread> starters;
  for (int i = 0; i < kAtOnce; ++i)
    starters.emplace_back([] {
      for (int each = 0; each < kThreads / kAtOnce; ++each) std::thread(work).join();
    });
  for (std::thread& starter : starters) starter.join();
  done = true;
  server.join();
  std::printf("counted %ld, failed %ld\n", counter, failed.load());
}
