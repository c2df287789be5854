// The reader says that copying an entry might fault, though its page is there by then; the pager's server
// takes the transport for a page, and reconnecting takes the locks the other way round. With an argument the
// reader says so before it takes the table.
#include <faultline/annotate.h>

#include <cstdio>
#include <mutex>
#include <semaphore>

#include "uffd_pager.h"

std::mutex table_lock;
std::mutex transport_lock;
std::binary_semaphore entry_read{0};

void fetch_page(char* page, size_t size) {
  std::lock_guard transport(transport_lock);
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char read_entry(const char* entry, bool says_under_lock) {
  if (!says_under_lock) faultline_might_fault(entry, 1);
  std::lock_guard table(table_lock);
  if (says_under_lock) faultline_might_fault(entry, 1);
  return *entry;
}

void reconnect() {
  entry_read.acquire();
  std::lock_guard transport(transport_lock);
  std::lock_guard table(table_lock);
}

int main(int argc, char**) {
  const Pager pager(1, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  std::printf("fetched %c\n", *pager.page(0));
  std::thread reader([&] {
    std::printf("read %c\n", read_entry(pager.page(0), argc == 1));
    entry_read.release();
  });
  std::thread reconnector(reconnect);
  reader.join();
  reconnector.join();
}
