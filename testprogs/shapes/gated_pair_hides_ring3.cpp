// AB and BA under a common gate, which is harmless; and BC, CA in two further threads without it, so that AB,
// BC, CA can meet.
#include <atomic>
#include <mutex>
#include <thread>

std::mutex gate;
std::mutex lock_a;
std::mutex lock_b;
std::mutex lock_c;
std::atomic<int> turn{0};

void wait_for_turn(int mine) {
  for (int now = turn; now != mine; now = turn) turn.wait(now);
}

void pass_turn() {
  ++turn;
  turn.notify_all();
}

void gated_ab() {
  wait_for_turn(0);
  {
    std::lock_guard g(gate);
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  pass_turn();
}

void gated_ba() {
  wait_for_turn(1);
  {
    std::lock_guard g(gate);
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
  }
  pass_turn();
}

void free_bc() {
  wait_for_turn(2);
  {
    std::lock_guard b(lock_b);
    std::lock_guard c(lock_c);
  }
  pass_turn();
}

void free_ca() {
  wait_for_turn(3);
  std::lock_guard c(lock_c);
  std::lock_guard a(lock_a);
}

int main() {
  std::thread threads[] = {std::thread(gated_ab), std::thread(gated_ba), std::thread(free_bc),
                           std::thread(free_ca)};
  for (std::thread& thread : threads) thread.join();
}
