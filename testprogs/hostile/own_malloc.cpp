// A program with an allocator of its own, guarded by a mutex: every allocation anybody makes in this process
// locks, and so does the very first one, long before main.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace {
pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;
alignas(64) char heap[64 << 20];
size_t heap_used = 0;
std::atomic<long> calls{0};
thread_local long own_calls = 0;
thread_local bool allocating = false;
std::atomic<long> entered_again{0};

// The lock is the first thing the allocator takes, and it is at work before it has it.
void begin_work() {
  if (allocating) entered_again.fetch_add(1, std::memory_order_relaxed);
  allocating = true;
}

// Each block is preceded by its size, in a header as large as the block's alignment asks for.
void* allocate(size_t size, size_t alignment) {
  calls.fetch_add(1, std::memory_order_relaxed);
  ++own_calls;
  begin_work();
  pthread_mutex_lock(&heap_lock);
  const size_t start = (heap_used + sizeof(size_t) + alignment - 1) & ~(alignment - 1);
  void* block = nullptr;
  if (start + size <= sizeof heap) {
    heap_used = start + size;
    block = heap + start;
    std::memcpy(heap + start - sizeof size, &size, sizeof size);
  }
  pthread_mutex_unlock(&heap_lock);
  allocating = false;
  return block;
}

size_t size_of(const void* block) {
  size_t size;
  std::memcpy(&size, static_cast<const char*>(block) - sizeof size, sizeof size);
  return size;
}

std::mutex lock_a;
std::mutex lock_b;

// A lock and a call of its own for each number.
constexpr int kSites = 200;
pthread_mutex_t locks[kSites];  // all zero, as PTHREAD_MUTEX_INITIALIZER
template <int site>
[[gnu::noinline]] void lock_at() {
  pthread_mutex_lock(&locks[site]);
  pthread_mutex_unlock(&locks[site]);
}

template <int... sites>
void lock_at_all(std::integer_sequence<int, sites...>) {
  (lock_at<sites>(), ...);
}
}  // namespace

// libc names these parameters with reserved words.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {
void* malloc(size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void free(void*) {
  begin_work();
  pthread_mutex_lock(&heap_lock);
  pthread_mutex_unlock(&heap_lock);
  allocating = false;
}
void* calloc(size_t count, size_t size) {
  return allocate(count * size, alignof(std::max_align_t));
}
void* realloc(void* old, size_t size) {
  void* block = allocate(size, alignof(std::max_align_t));
  if (old && block) std::memcpy(block, old, std::min(size, size_of(old)));
  return block;
}
void* aligned_alloc(size_t alignment, size_t size) {
  return allocate(size, alignment);
}
void* memalign(size_t alignment, size_t size) {
  return allocate(size, alignment);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = allocate(size, alignment);
  return *block ? 0 : ENOMEM;
}
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

int main() {
  std::string text;
  const auto work = [&] {
    for (int i = 0; i < 1'000; ++i) {
      std::lock_guard a(lock_a);
      text += "0123456789";
      const auto block = std::make_unique<int>(i);
      std::lock_guard b(lock_b);
    }
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  // A thread that takes no memory: nobody takes any in its name, which would give it an arena of its own.
  long taken = -1;
  std::thread([&taken] {
    { std::scoped_lock both(lock_a, lock_b); }
    taken = own_calls;
  }).join();
  std::printf("a thread that takes no memory has taken %ld blocks\n", taken);
  // One that has been seen to lock at many places, and for the first time holds nothing when the allocator
  // comes to its lock.
  std::thread([] {
    {
      const std::lock_guard outer(lock_b);
      lock_at_all(std::make_integer_sequence<int, kSites>());
    }
    const auto block = std::make_unique<int>(1);
  }).join();
  std::printf("the allocator was entered in the middle of its work %ld times\n", entered_again.load());
  std::printf("length %zu, the allocator was used %s\n", text.size(), calls > 2'000 ? "yes" : "no");
}
