// The pager waits for the table while it fetches one page; the table's holder then touches another page, and
// nobody is left to read of that. With "untouched" the holder only keeps the table for a while.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <semaphore>
#include <thread>

#include "uffd_pager.h"

std::mutex table_lock;
std::binary_semaphore table_is_held{0};

void fetch_page(char* page, size_t size) {
  table_is_held.acquire();
  std::lock_guard table(table_lock);
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char read_page(const char* page) {
  return *static_cast<const volatile char*>(page);
}

[[gnu::noinline]] void use_table(const char* page, bool touch) {
  std::lock_guard table(table_lock);
  table_is_held.release();
  // By then the pager waits.
  std::this_thread::sleep_for(std::chrono::milliseconds(touch ? 100 : 800));
  if (touch) std::printf("read %c\n", read_page(page));
}

int main(int argc, char** argv) {
  const bool touch = argc < 2 || std::strcmp(argv[1], "untouched") != 0;
  const Pager pager(2, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  std::thread user(use_table, pager.page(1), touch);
  std::printf("read %c\n", read_page(pager.page(0)));
  user.join();
}
