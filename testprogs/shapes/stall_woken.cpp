// Both threads wait at times, and each wakes the other: a hand-over in both directions, 100,000 times.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

constexpr int kTurns = 100000;

std::mutex turn_lock;
std::condition_variable ping;
std::condition_variable pong;
int turn = 0;

void play(int parity, std::condition_variable& mine, std::condition_variable& other) {
  std::unique_lock lock(turn_lock);
  while (turn < kTurns) {
    mine.wait(lock, [&] { return turn % 2 == parity || turn >= kTurns; });
    if (turn < kTurns) ++turn;
    other.notify_one();
  }
}

int main() {
  std::thread first(play, 0, std::ref(ping), std::ref(pong));
  std::thread second(play, 1, std::ref(pong), std::ref(ping));
  first.join();
  second.join();
  std::printf("turns %d\n", turn);
}
