// AB by the main thread before it creates the thread that does BA: creation orders them.
#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

void prepare() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

void second_thread() {
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

int main() {
  prepare();
  std::thread second(second_thread);
  second.join();
}
