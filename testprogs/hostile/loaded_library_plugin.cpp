// The library of loaded_library.
#include <cstdio>
#include <mutex>

namespace {
std::mutex lock_a;
std::mutex lock_b;

struct Lifetime {
  Lifetime() {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
    std::puts("library constructed");
  }
  ~Lifetime() {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
    std::puts("library destroyed");
  }
} lifetime;
}  // namespace

extern "C" int locked_work(int round) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  return round * round;
}
