// Memory is allocated under a lock, so much that malloc has to map it: heap_lock -> mmap_lock, inside libc.
// With an argument it is allocated before the lock is taken.
#include <faultline/annotate.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

std::mutex heap_lock;
void* volatile block;

[[gnu::noinline]] void allocate() {
  constexpr size_t kMapped = 4 << 20;  // above any threshold below which malloc takes it from what it has
  block = std::malloc(kMapped);
}

int main(int argc, char**) {
  faultline::name_lock(heap_lock, "heap_lock");
  if (argc > 1) allocate();
  {
    std::lock_guard heap(heap_lock);
    if (argc == 1) allocate();
  }
  std::printf("%s\n", block != nullptr ? "allocated" : "out of memory");
  std::free(block);
}
