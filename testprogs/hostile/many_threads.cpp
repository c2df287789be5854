// 5,000 short threads, at most 50 at a time, each with two locks of its own below a common one.
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

std::mutex total_lock;
int total = 0;

void work() {
  std::mutex mine;
  std::mutex inner;
  std::lock_guard all(total_lock);
  std::lock_guard a(mine);
  std::lock_guard b(inner);
  ++total;
}

int main() {
  for (int batch = 0; batch < 100; ++batch) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
  }
  std::printf("total %d\n", total);
}
