// 5,000 locks that nobody has met before; two threads come to each at the same moment, each with a lock of
// its own.
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

constexpr int kLocks = 5'000;
std::array<std::mutex, kLocks> met;
std::mutex first_outer;
std::mutex second_outer;
std::atomic<int> arrived{0};

void arrive(int round) {
  constexpr int kSpins = 10'000;
  arrived.fetch_add(1);
  for (int i = 0; arrived.load() < 2 * (round + 1); ++i)
    if (i > kSpins) std::this_thread::yield();
}

void meet(std::mutex& outer) {
  for (int i = 0; i < kLocks; ++i) {
    arrive(i);
    std::lock_guard mine(outer);
    std::lock_guard common(met[i]);
  }
}

int main() {
  std::thread first([] { meet(first_outer); });
  std::thread second([] { meet(second_outer); });
  first.join();
  second.join();
}
