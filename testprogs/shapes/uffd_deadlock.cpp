// A reader holds the table and touches a page that the pager must fetch; the pager takes the table to fetch
// it.
#include <cstdio>
#include <mutex>

#include "uffd_pager.h"

std::mutex table_lock;

void fetch_page(char* page, size_t size) {
  std::lock_guard table(table_lock);
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char read_entry(const char* entry) {
  std::lock_guard table(table_lock);
  return *static_cast<const volatile char*>(entry);
}

int main() {
  const Pager pager(1, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  std::printf("read %c\n", read_entry(pager.page(0)));
}
