// A thread holds lock_a while another one forks; the child takes lock_a and waits for ever.
#include <mutex>

#include "left_locked.h"

std::mutex lock_a;

void take_in_parent() {
  lock_a.lock();
}

void take_in_child() {
  lock_a.lock();
}

int main() {
  Holder holder(take_in_parent, [] { lock_a.unlock(); });
  return in_child(take_in_child) == 128 + SIGKILL ? 0 : 1;
}
