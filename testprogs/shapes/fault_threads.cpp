// A hundred threads that live at once, each of which takes a lock of its own and touches fresh memory under
// it.
#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 100;
pthread_barrier_t all_are_there;
std::atomic<int> touched{0};

}  // namespace

std::mutex locks[kThreads];

[[gnu::noinline]] void touch_under_lock(int number) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  const std::lock_guard guard(locks[number]);
  *static_cast<volatile char*>(memory) = 1;
  ++touched;
}

int main() {
  pthread_barrier_init(&all_are_there, nullptr, kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([i] {
      touch_under_lock(i);
      pthread_barrier_wait(&all_are_there);
    });
  for (std::thread& thread : threads) thread.join();
  std::printf("touched by %d threads\n", touched.load());
}
