// One thread holds 3,000 mutexes at once and releases them first in, first out; a second thread does the
// same.
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

constexpr int kCount = 3'000;
std::vector<std::mutex> locks(kCount);

void hold_all() {
  for (std::mutex& lock : locks) lock.lock();
  for (std::mutex& lock : locks) lock.unlock();
}

int main() {
  std::thread first(hold_all);
  first.join();
  std::thread second(hold_all);
  second.join();
  std::printf("held %d\n", kCount);
}
