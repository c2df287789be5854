// AB and BA, then SIGKILL in mid-run, with threads alive and a lock held: no destructor, no handler, no
// flush.
#include <csignal>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::binary_semaphore first_done{0};
std::binary_semaphore second_done{0};
std::binary_semaphore never{0};

void first_thread() {
  {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  first_done.release();
  never.acquire();
}

void second_thread() {
  first_done.acquire();
  {
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
  }
  second_done.release();
  never.acquire();
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  second_done.acquire();
  std::lock_guard a(lock_a);
  std::raise(SIGKILL);
}
