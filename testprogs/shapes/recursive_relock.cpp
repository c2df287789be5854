// A recursive mutex taken again by its holder, alone and with another lock in between: it never waits for
// itself.
#include <mutex>
#include <thread>

std::recursive_mutex lock_a;
std::mutex lock_b;

void nest() {
  std::lock_guard outer(lock_a);
  std::lock_guard inner(lock_a);
  std::lock_guard b(lock_b);
  std::lock_guard innermost(lock_a);
}

int main() {
  std::thread first(nest);
  std::thread second(nest);
  first.join();
  second.join();
}
