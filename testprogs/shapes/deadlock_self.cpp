// A thread takes a plain mutex that it holds.
#include <mutex>

std::mutex lock_a;

void callback() {
  std::lock_guard again(lock_a);
}

int main() {
  std::lock_guard once(lock_a);
  callback();
}
