// The threads of join_chain, but the third does BA before it joins the second: nothing orders it after AB.
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

void third_thread(std::thread* second) {
  first_done.acquire();
  {
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
  }
  second->join();
}

int main() {
  std::thread first(first_thread);
  std::thread second([&first] { first.join(); });
  std::thread third(third_thread, &second);
  third.join();
}
