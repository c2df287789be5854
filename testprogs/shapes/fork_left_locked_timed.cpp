// As fork_left_locked, but the child waits with a time limit.
#include <chrono>
#include <mutex>

#include "left_locked.h"

std::timed_mutex lock_a;

void take_in_parent() {
  lock_a.lock();
}

void take_in_child() {
  if (!lock_a.try_lock_for(std::chrono::milliseconds(1))) _exit(3);
}

int main() {
  Holder holder(take_in_parent, [] { lock_a.unlock(); });
  int status = in_child(take_in_child);
  while (status == 128 + SIGKILL) status = in_child(take_in_child);  // caught in the middle of its wait
  return status == 3 ? 0 : 1;
}
