// A thread ends with a lock; another one comes for it.
#include <mutex>
#include <thread>

std::mutex lock_a;

void forgetful() {
  lock_a.lock();
}

int main() {
  std::thread(forgetful).join();
  std::lock_guard a(lock_a);
}
