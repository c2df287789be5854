// AB in the first thread; the second joins it; the third joins the second and then does BA. All three are
// alive when the first locks, but the joins, one after the other, order AB before BA.
#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

void first_thread() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

void third_thread(std::thread* second) {
  second->join();
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

int main() {
  std::thread first(first_thread);
  std::thread second([&first] { first.join(); });
  std::thread third(third_thread, &second);
  third.join();
}
