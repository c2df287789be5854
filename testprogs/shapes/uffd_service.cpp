// A post-copy server looks some pages up in its directory before it copies them; a client touches a page with
// the directory locked. It happens to be one that needs no look-up, so nothing hangs.
//
//   uffd_service HOW READING
//
// HOW: touch (by the client's own load), copy (by write(2) from the page), clean (the page is there before
// the directory is locked). READING: read, readv, uring.
#include <cstdio>
#include <mutex>
#include <thread>

#include "postcopy.h"

constexpr size_t kPages = 3;

std::mutex directory_lock;
int looked_up = 0;

void fetch_page(char* page, size_t index, size_t size) {
  if (index == 1) {
    std::lock_guard directory(directory_lock);
    ++looked_up;
  }
  std::memset(page, 'a' + static_cast<int>(index), size);
}

[[gnu::noinline]] char load(const char* page) {
  return *static_cast<const volatile char*>(page);
}

[[gnu::noinline]] char use_page(const char* page, size_t size, bool copies, int file) {
  std::lock_guard directory(directory_lock);
  if (!copies) return load(page);
  return ::write(file, page, size) == static_cast<ssize_t>(size) ? 'w' : '?';
}

int main(int, char** argv) {
  const std::string how = argv[1];
  const std::string reading = argv[2];
  const PostcopyMemory memory(kPages);
  if (memory.uffd < 0) {
    std::printf("skipped: userfaultfd for faults of the kernel: %s\n", std::strerror(errno));
    return 77;
  }
  if (const int error = reading == "uring" ? RawRing().error() : 0; error != 0) {
    std::printf("skipped: io_uring: %s\n", std::strerror(error));
    return 77;
  }
  const int file = memfd_create("saved", MFD_CLOEXEC);
  std::thread server([&] {
    serve_pages(memory.uffd, next_by(reading), reinterpret_cast<uintptr_t>(memory.memory), kPages,
                memory.page_size,
                [&](char* page, size_t index) { fetch_page(page, index, memory.page_size); });
  });
  std::thread client([&] {
    const char first = load(memory.page(0));
    const char second = load(memory.page(1));
    if (how == "clean") load(memory.page(2));
    const char third = use_page(memory.page(2), memory.page_size, how == "copy", file);
    std::printf("used %c%c%c\n", first, second, third);
  });
  client.join();
  server.join();
}
