// A pager's server uses what the faulting thread's lock guards. Argument: "locked" (that thread holds the lock
// over its fault), "unlocked" (it does not), "reading" (it holds it only to read, and others read too),
// "own" (only the threads that fault and the server on their behalf use it, unlocked, one thread).
#include <faultline/annotate.h>

#include <cstdio>
#include <mutex>
#include <semaphore>
#include <shared_mutex>

#include "uffd_pager.h"

std::shared_mutex table_lock;
int entries = 0;

[[gnu::noinline]] void fetch_page(char* page, size_t size) {
  faultline_assert_held(&table_lock, FAULTLINE_SHARED);
  faultline_state_write(&entries, "entries");
  ++entries;
  std::memset(page, 'x', size);
}

[[gnu::noinline]] char read_entry(const char* entry) {
  return *static_cast<const volatile char*>(entry);
}

void fault_in(const Pager& pager, size_t index, const std::string& how) {
  std::unique_lock exclusive(table_lock, std::defer_lock);
  std::shared_lock shared(table_lock, std::defer_lock);
  if (how == "locked" || how == "own") exclusive.lock();
  if (how == "reading") shared.lock();
  std::printf("read %c\n", read_entry(pager.page(index)));
}

[[gnu::noinline]] void use_entries(const std::string& how) {
  std::unique_lock exclusive(table_lock, std::defer_lock);
  std::shared_lock shared(table_lock, std::defer_lock);
  if (how == "locked" || how == "unlocked") exclusive.lock();
  if (how == "reading") shared.lock();
  faultline_state_read(&entries, "entries");
}

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "locked";
  const Pager pager(2, false, fetch_page);
  if (!pager.ok()) {
    std::printf("skipped: userfaultfd: %s\n", pager.refused().c_str());
    return 77;
  }
  faultline::name_lock(table_lock, "table_lock");
  std::thread([&] {
    fault_in(pager, 0, how);
    use_entries(how);
    std::binary_semaphore used{0};
    std::thread other([&] {
      if (how != "own") use_entries(how);
      used.release();
    });
    used.acquire();
    fault_in(pager, 1, how);
    use_entries(how);
    other.join();
  }).join();
}
