// A thread reads under lock_a while another one forks; the child reads too, which it may, and then writes: it
// waits for ever.
#include <shared_mutex>

#include "left_locked.h"

std::shared_mutex lock_a;

void read_in_parent() {
  lock_a.lock_shared();
}

void read_in_child() {
  lock_a.lock_shared();
  lock_a.unlock_shared();
}

void write_in_child() {
  lock_a.lock();
}

int main() {
  Holder holder(read_in_parent, [] { lock_a.unlock_shared(); });
  const int status = in_child([] {
    read_in_child();
    write_in_child();
  });
  return status == 128 + SIGKILL ? 0 : 1;
}
