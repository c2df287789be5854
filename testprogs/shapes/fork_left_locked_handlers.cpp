// As fork_left_locked, done right: handlers take lock_a before the fork and give it back after it, on both
// sides, so no other thread holds it then. Another thread is about to take it all the while.
#include <pthread.h>

#include <atomic>
#include <mutex>

#include "left_locked.h"

std::mutex lock_a;
std::mutex lock_b;
std::atomic<bool> ended{false};

void take_in_parent() {
  const std::lock_guard a(lock_a);
}

void take_in_child() {
  const std::lock_guard b(lock_b);
  const std::lock_guard a(lock_a);
}

int main() {
  pthread_atfork([] { lock_a.lock(); }, [] { lock_a.unlock(); }, [] { lock_a.unlock(); });
  std::thread busy([] {
    while (!ended) take_in_parent();
  });
  int status = 0;
  for (int i = 0; i < 5; ++i) status |= in_child(take_in_child);
  ended = true;
  busy.join();
  return status;
}
