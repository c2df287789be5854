// As many faults as the argument says under one lock, one more under the next.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

std::mutex table_lock;

[[gnu::noinline]] void touch_all(volatile char* memory, size_t pages) {
  for (size_t i = 0; i < pages; ++i) memory[i * 4096] = 1;
}

[[gnu::noinline]] void touch_one(volatile char* memory) {
  *memory = 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const size_t pages = std::strtoul(argv[1], nullptr, 10);
  const size_t size = (pages + 1) * 4096;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, size, MADV_NOHUGEPAGE);
  auto* bytes = static_cast<volatile char*>(memory);
  {
    const std::lock_guard guard(table_lock);
    touch_all(bytes, pages);
  }
  {
    const std::lock_guard guard(table_lock);
    touch_one(bytes + pages * 4096);
  }
  std::printf("touched %zu\n", pages);
}
