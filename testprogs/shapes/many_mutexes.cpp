// 200,000 mutexes, each taken once under one outer lock, always in that order.
#include <cstdio>
#include <memory>
#include <mutex>

constexpr int kCount = 200'000;
std::mutex outer;

int main() {
  const auto inner = std::make_unique<std::mutex[]>(kCount);
  for (int i = 0; i < kCount; ++i) {
    std::lock_guard first(outer);
    std::lock_guard second(inner[i]);
  }
  std::printf("locked %d\n", kCount);
}
