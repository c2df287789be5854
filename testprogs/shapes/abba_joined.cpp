// AB in a thread that is joined before the thread that does BA is created: never alive together.
#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

void first_thread() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

void second_thread() {
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

int main() {
  std::thread first(first_thread);
  first.join();
  std::thread second(second_thread);
  second.join();
}
