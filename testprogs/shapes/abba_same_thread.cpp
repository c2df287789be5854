// AB and BA by one thread only, one after the other.
#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

void forwards() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

void backwards() {
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

void only_thread() {
  forwards();
  backwards();
}

int main() {
  std::thread only(only_thread);
  only.join();
}
