// A reader holds the table and touches a page that the pager must fetch; the pager takes the transport lock
// to fetch it; a third thread holds the transport and wants the table: table -> (page fault) -> transport ->
// table.
#include <cstdio>
#include <mutex>
#include <semaphore>

#include "uffd_pager.h"

std::mutex table_lock;
std::mutex transport_lock;
std::binary_semaphore page_read{0};

void fetch_page(char* page, size_t size) {
  std::lock_guard transport(transport_lock);
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char read_entry(const char* entry) {
  std::lock_guard table(table_lock);
  return *static_cast<const volatile char*>(entry);
}

void reconnect() {
  page_read.acquire();
  std::lock_guard transport(transport_lock);
  std::lock_guard table(table_lock);
}

int main() {
  const Pager pager(1, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  std::thread reader([&] {
    std::printf("read %c\n", read_entry(pager.page(0)));
    page_read.release();
  });
  std::thread reconnector(reconnect);
  reader.join();
  reconnector.join();
}
