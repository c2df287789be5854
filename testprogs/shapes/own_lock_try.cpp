// AB and BA over a lock type of the program's own, the second order by a try; and a wait that failed: B is
// not held when A is taken.
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
  faultline_acquire_begin(&lock_b, FAULTLINE_EXCLUSIVE | FAULTLINE_TIMED);
  faultline_acquire_failed(&lock_b);
  lock_a.lock();
  lock_a.unlock();
  std::lock_guard b(lock_b);
  if (lock_a.try_lock()) lock_a.unlock();
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
