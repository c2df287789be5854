// A page of a mapped file, touched under the table lock first and under the index lock later, when it no
// longer faults. Says where it lies.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

std::mutex table_lock;
std::mutex index_lock;

[[gnu::noinline]] char read_in_table(const char* entry) {
  std::lock_guard table(table_lock);
  return *static_cast<const volatile char*>(entry);
}

[[gnu::noinline]] char read_in_index(const char* entry) {
  std::lock_guard index(index_lock);
  return *static_cast<const volatile char*>(entry);
}

int main() {
  char name[] = "storm_page.XXXXXX";
  const int file = mkstemp(name);
  if (file < 0 || unlink(name) != 0 || pwrite(file, "x", 1, 0) != 1) return 1;
  auto* page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0));
  char first = 0;
  char second = 0;
  std::thread([&] { first = read_in_table(page); }).join();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::thread([&] { second = read_in_index(page); }).join();
  std::printf("%p %c %c\n", static_cast<void*>(page), first, second);
}
