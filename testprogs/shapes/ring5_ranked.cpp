// The five philosophers of ring5, but everyone takes the fork of the lower number first.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

std::mutex fork_0;
std::mutex fork_1;
std::mutex fork_2;
std::mutex fork_3;
std::mutex fork_4;
std::mutex* const forks[] = {&fork_0, &fork_1, &fork_2, &fork_3, &fork_4};
std::atomic<int> turn{0};

void philosopher(int seat) {
  for (int now = turn; now != seat; now = turn) turn.wait(now);
  const int next = (seat + 1) % 5;
  {
    std::lock_guard lower(*forks[std::min(seat, next)]);
    std::lock_guard higher(*forks[std::max(seat, next)]);
  }
  ++turn;
  turn.notify_all();
}

int main() {
  std::vector<std::thread> table;
  for (int seat = 0; seat < 5; ++seat) table.emplace_back(philosopher, seat);
  for (std::thread& guest : table) guest.join();
}
