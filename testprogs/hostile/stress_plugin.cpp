// The library of stress: locks when it is loaded, used and unloaded, by several threads at a time.
#include <mutex>

namespace {
std::mutex lock_a;
std::mutex lock_b;
int uses = 0;

struct Lifetime {
  Lifetime() { touch(); }
  ~Lifetime() { touch(); }
  static void touch() {
    std::scoped_lock both(lock_a, lock_b);
    ++uses;
  }
} lifetime;
}  // namespace

extern "C" int locked_work(int value) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  ++uses;
  return value * value;
}
