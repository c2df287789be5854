// AB and BA where both inner waits give up after a while.
#include <chrono>
#include <mutex>
#include <semaphore>
#include <thread>

std::timed_mutex lock_a;
std::timed_mutex lock_b;
std::binary_semaphore first_done{0};

void first_thread() {
  {
    std::lock_guard a(lock_a);
    std::unique_lock b(lock_b, std::chrono::seconds(1));
  }
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  std::lock_guard b(lock_b);
  std::unique_lock a(lock_a, std::chrono::seconds(1));
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
