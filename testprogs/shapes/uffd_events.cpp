// A cache keeps its pages in memory that a server fills, and gives pages back under the monitor lock that the
// server takes, for its statistics, before it reads the next message: what gives memory back waits until the
// server has read of it. The first argument says how the memory goes: unmap, remove, remap or fork. The
// second says when: under, with the lock held, while the server waits for the next message; defer, after the
// lock was dropped; hang, with the lock held that the server waits for; self, by the server, which then waits
// for itself.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>

std::mutex monitor_lock;
std::binary_semaphore reads_next{0};
int rounds = 0;
size_t page_size = 4096;

[[gnu::noinline]] void count_round() {
  std::lock_guard monitor(monitor_lock);
  ++rounds;
}

[[gnu::noinline]] bool give_back(const std::string& how, char* page) {
  if (how == "unmap") return ::munmap(page, page_size) == 0;
  if (how == "remove") return ::madvise(page, page_size, MADV_DONTNEED) == 0;
  if (how == "remap") {
    void* room = ::mmap(nullptr, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ::mremap(page, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, room) != MAP_FAILED;
  }
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0 && ::waitpid(child, nullptr, 0) == child;
}

// Until the page is touched that tells it to stop.
void serve(int uffd, const std::string& gives_back, char* memory) {
  for (bool stops = false; !stops;) {
    count_round();
    reads_next.release();
    uffd_msg message;
    if (::read(uffd, &message, sizeof message) != sizeof message) continue;
    if (message.event == UFFD_EVENT_FORK) ::close(static_cast<int>(message.arg.fork.ufd));
    if (message.event != UFFD_EVENT_PAGEFAULT) continue;
    uffdio_zeropage zero = {
        .range = {.start = message.arg.pagefault.address & ~uint64_t(page_size - 1), .len = page_size},
        .mode = 0,
        .zeropage = 0};
    ::ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
    if (!gives_back.empty()) give_back(gives_back, memory);
    stops = zero.range.start == reinterpret_cast<uint64_t>(memory) + 2 * page_size;
  }
}

uint64_t feature_for(const std::string& how) {
  if (how == "unmap") return UFFD_FEATURE_EVENT_UNMAP;
  if (how == "remove") return UFFD_FEATURE_EVENT_REMOVE;
  return how == "remap" ? UFFD_FEATURE_EVENT_REMAP : UFFD_FEATURE_EVENT_FORK;
}

int start(uint64_t features, const char* memory, size_t length) {
  const int uffd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
  uffdio_api api = {.api = UFFD_API, .features = features, .ioctls = 0};
  uffdio_register range = {.range = {.start = reinterpret_cast<uintptr_t>(memory), .len = length},
                           .mode = UFFDIO_REGISTER_MODE_MISSING,
                           .ioctls = 0};
  if (uffd < 0 || ::ioctl(uffd, UFFDIO_API, &api) != 0 || ::ioctl(uffd, UFFDIO_REGISTER, &range) != 0)
    return -1;
  return uffd;
}

int main(int, char** argv) {
  const std::string how = argv[1];
  const std::string when = argv[2];
  page_size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* memory = static_cast<volatile char*>(
      ::mmap(nullptr, 3 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  auto* goes = const_cast<char*>(memory);
  const int uffd = start(feature_for(how), goes, 3 * page_size);
  if (uffd < 0) {
    std::printf("skipped: userfaultfd with events: %s\n", std::strerror(errno));
    return 77;
  }
  std::thread server(serve, uffd, when == "self" ? how : "", goes);
  reads_next.acquire();
  bool done = false;
  if (when == "hang") {
    std::lock_guard monitor(monitor_lock);
    rounds += memory[page_size];
    done = give_back(how, goes);
  } else {
    rounds += memory[page_size];
    reads_next.acquire();
    std::unique_lock monitor(monitor_lock);
    ++rounds;
    if (when == "defer") monitor.unlock();
    done = give_back(how, goes);
  }
  reads_next.acquire();
  std::printf("given back: %s, then read %d\n", done ? "yes" : "no", memory[2 * page_size]);
  server.join();
}
