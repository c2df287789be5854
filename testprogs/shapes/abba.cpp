// A then B in one thread, B then A in another, both alive at once. The semaphore only keeps this run from
// hanging.
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
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
