// One fault at each point of two nested sections: before them, under the outer lock, under both, under the
// outer one again, after them. Each is taken in a function of its own, on a page of its own.
#include <sys/mman.h>

#include <cstdio>
#include <mutex>

std::mutex outer_lock;
std::mutex inner_lock;

namespace {

constexpr size_t kPage = 4096;

volatile char* fresh_pages(size_t count) {
  void* memory = mmap(nullptr, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, count * kPage, MADV_NOHUGEPAGE);
  return static_cast<volatile char*>(memory);
}

}  // namespace

[[gnu::noinline]] void touch_before(volatile char* pages) {
  pages[0 * kPage] = 1;
}
[[gnu::noinline]] void touch_under_outer(volatile char* pages) {
  pages[1 * kPage] = 1;
}
[[gnu::noinline]] void touch_under_both(volatile char* pages) {
  pages[2 * kPage] = 1;
}
[[gnu::noinline]] void touch_under_outer_again(volatile char* pages) {
  pages[3 * kPage] = 1;
}
[[gnu::noinline]] void touch_after(volatile char* pages) {
  pages[4 * kPage] = 1;
}

[[gnu::noinline]] void round(volatile char* pages) {
  touch_before(pages);
  outer_lock.lock();
  touch_under_outer(pages);
  inner_lock.lock();
  touch_under_both(pages);
  inner_lock.unlock();
  touch_under_outer_again(pages);
  outer_lock.unlock();
  touch_after(pages);
}

// The first round goes by what is new to the validator, the later ones by what it knows.
int main() {
  for (int i = 0; i < 3; ++i) {
    volatile char* pages = fresh_pages(5);
    if (pages == nullptr) return 1;
    round(pages);
  }
  std::puts("touched");
}
