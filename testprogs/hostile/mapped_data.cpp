// Memory of every sort, written and read again under locks by several threads, while others map and unmap:
// whatever a preload does to mappings, each byte must be what was stored last.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPages = 64;
constexpr size_t kLength = kPages * kPage;
using Clock = std::chrono::steady_clock;
const Clock::time_point end_of_work = Clock::now() + std::chrono::milliseconds(600);

// One mapping, and what it must hold.
struct Area {
  const char* name;
  unsigned char* memory;
  std::vector<unsigned char> expected = std::vector<unsigned char>(kLength);
  std::mutex lock = {};
  std::atomic<long> wrong{0};
};

unsigned char* map(int protection_flags, int fd) {
  void* memory = mmap(nullptr, kLength, PROT_READ | PROT_WRITE, protection_flags, fd, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<unsigned char*>(memory);
}

int new_file(const char* folder) {
  std::string path = std::string(folder) + "/mapped_data.XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0 || ftruncate(fd, kLength) != 0) std::abort();
  unlink(path.c_str());
  return fd;
}

int new_memfd() {
  const int fd = memfd_create("mapped_data", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, kLength) != 0) std::abort();
  return fd;
}

// Of a file that is mapped shared as well, elsewhere.
unsigned char* map_private(int fd) {
  map(MAP_SHARED, fd);
  return map(MAP_PRIVATE, fd);
}

void write_and_read(Area& area, unsigned seed) {
  while (Clock::now() < end_of_work) {
    std::lock_guard guard(area.lock);
    for (int i = 0; i < 16; ++i) {
      seed = seed * 1664525 + 1013904223;
      const size_t at = seed / 7 % kLength;
      if (area.memory[at] != area.expected[at]) ++area.wrong;
      area.memory[at] = area.expected[at] = static_cast<unsigned char>(seed >> 24);
    }
  }
}

// A shared mapping goes, and private memory comes to lie in its place: at once, by munmap and mmap, and by
// mmap over it.
void change_places(std::atomic<long>& wrong, int fd) {
  std::mutex lock;
  for (unsigned round = 0; Clock::now() < end_of_work; ++round) {
    unsigned char* shared = map(MAP_SHARED, fd);
    {
      std::lock_guard guard(lock);
      shared[round % kLength] = 1;
    }
    if (round % 2 == 0) munmap(shared, kLength);
    void* memory = mmap(shared, kLength, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | (round % 2 == 0 ? 0 : MAP_FIXED), -1, 0);
    if (memory == MAP_FAILED) std::abort();
    std::memset(memory, 7, kLength);
    {
      std::lock_guard guard(lock);
      for (size_t i = 0; i < kLength; i += 256)
        if (static_cast<unsigned char*>(memory)[i] != 7) ++wrong;
    }
    munmap(memory, kLength);
  }
}

}  // namespace

int main() {
  const int file = new_file(".");
  const int memfd = new_memfd();
  const int places = new_memfd();
  Area areas[] = {{"file", map(MAP_SHARED, file)},
                  {"memfd", map(MAP_SHARED, memfd)},
                  {"locked memfd", map(MAP_SHARED, new_memfd())},
                  {"private file", map_private(new_file("."))},
                  {"private memfd", map_private(new_memfd())},
                  {"shared anonymous", map(MAP_SHARED | MAP_ANONYMOUS, -1)},
                  {"private anonymous", map(MAP_PRIVATE | MAP_ANONYMOUS, -1)}};
  mlock(areas[2].memory, kPage);
  std::atomic<long> misplaced{0};
  std::vector<std::thread> threads;
  unsigned seed = 1;
  for (Area& area : areas)
    for (int i = 0; i < 2; ++i) threads.emplace_back(write_and_read, std::ref(area), ++seed);
  for (int i = 0; i < 2; ++i) threads.emplace_back(change_places, std::ref(misplaced), places);
  for (std::thread& thread : threads) thread.join();

  // A child sees what is shared, and stores there too.
  const pid_t child = fork();
  if (child == 0) {
    for (Area& area : areas) {
      std::lock_guard guard(area.lock);
      if (std::memcmp(area.memory, area.expected.data(), kLength) != 0) ++area.wrong;
      area.memory[0] = static_cast<unsigned char>(area.expected[0] + 1);
    }
    long wrong = 0;
    for (const Area& area : areas) wrong += area.wrong;
    _exit(wrong != 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::printf("child: %d\n", WEXITSTATUS(status));
  for (Area& area : areas) {
    std::lock_guard guard(area.lock);
    const bool is_shared = area.memory[0] == static_cast<unsigned char>(area.expected[0] + 1);
    area.memory[0] = area.expected[0];
    const bool is_equal = std::memcmp(area.memory, area.expected.data(), kLength) == 0;
    std::printf("%s: %ld wrong, %s, %s\n", area.name, area.wrong.load(), is_shared ? "shared" : "private",
                is_equal ? "equal" : "different");
  }
  // What is in the files themselves.
  std::vector<unsigned char> bytes(kLength);
  for (const auto& [fd, area] : {std::pair(file, &areas[0]), std::pair(memfd, &areas[1])}) {
    const bool is_there =
        pread(fd, bytes.data(), kLength, 0) == static_cast<ssize_t>(kLength) && bytes == area->expected;
    std::printf("%s by read: %s\n", area->name, is_there ? "equal" : "different");
  }
  std::printf("in place of another: %ld wrong\n", misplaced.load());
}
