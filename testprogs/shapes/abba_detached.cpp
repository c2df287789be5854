// AB and BA in threads that nobody joins.
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::binary_semaphore first_done{0};
std::binary_semaphore second_done{0};

void first_thread() {
  {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  first_done.release();
}

void second_thread() {
  first_done.acquire();
  {
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
  }
  second_done.release();
}

int main() {
  std::thread(first_thread).detach();
  std::thread(second_thread).detach();
  second_done.acquire();
}
