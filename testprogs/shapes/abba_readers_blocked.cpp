// A read, B written; B read, A written: each writer waits for the other's reader.
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

std::shared_mutex lock_a;
std::shared_mutex lock_b;
std::binary_semaphore first_done{0};

void first_thread() {
  {
    std::shared_lock a(lock_a);
    std::unique_lock b(lock_b);
  }
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  std::shared_lock b(lock_b);
  std::unique_lock a(lock_a);
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
