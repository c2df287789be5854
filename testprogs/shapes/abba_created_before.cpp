// AB by the main thread after it created the thread that does BA: nothing orders them.
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::binary_semaphore prepared{0};

void prepare() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

void second_thread() {
  prepared.acquire();
  std::lock_guard b(lock_b);
  std::lock_guard a(lock_a);
}

int main() {
  std::thread second(second_thread);
  prepare();
  prepared.release();
  second.join();
}
