// AB and BA over a lock type of the program's own.
#include <mutex>
#include <semaphore>
#include <thread>

#include "own_lock.h"

OwnLock lock_a;
OwnLock lock_b;
std::binary_semaphore first_done{0};

void first_thread() {
  {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
