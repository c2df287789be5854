// As uffd_lock_under_fault, but the page is touched by the kernel: the saver holds the table over a write(2)
// whose buffer lies in the pager's memory.
#include <cstdio>
#include <mutex>
#include <semaphore>

#include "uffd_pager.h"

std::mutex table_lock;
std::mutex transport_lock;
std::binary_semaphore saved{0};

void fetch_page(char* page, size_t size) {
  std::lock_guard transport(transport_lock);
  std::memset(page, 'x', size);
}

[[gnu::noinline]] ssize_t save_entry(int file, const char* entry, size_t size) {
  std::lock_guard table(table_lock);
  return ::write(file, entry, size);
}

void reconnect() {
  saved.acquire();
  std::lock_guard transport(transport_lock);
  std::lock_guard table(table_lock);
}

int main() {
  const Pager pager(1, true, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd for faults of the kernel: %s\n", pager.refused().c_str());
    return 77;
  }
  const int file = memfd_create("saved", MFD_CLOEXEC);
  std::thread saver([&] {
    std::printf("saved %zd\n", save_entry(file, pager.page(0), pager.page_size()));
    saved.release();
  });
  std::thread reconnector(reconnect);
  saver.join();
  reconnector.join();
  ::close(file);
}
