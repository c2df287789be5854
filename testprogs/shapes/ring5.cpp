// Five philosophers, five forks, each takes the left one first. They eat one after the other, so this run
// ends.
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
  {
    std::lock_guard left(*forks[seat]);
    std::lock_guard right(*forks[(seat + 1) % 5]);
  }
  ++turn;
  turn.notify_all();
}

int main() {
  std::vector<std::thread> table;
  for (int seat = 0; seat < 5; ++seat) table.emplace_back(philosopher, seat);
  for (std::thread& guest : table) guest.join();
}
