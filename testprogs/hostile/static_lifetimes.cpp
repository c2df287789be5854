// Locks in static constructors, in atexit handlers and in static destructors: before main and after it.
#include <cstdio>
#include <cstdlib>
#include <mutex>

std::mutex lock_a;
std::mutex lock_b;

void lock_both(const char* when) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  std::puts(when);
}

struct Locker {
  const char* name;
  explicit Locker(const char* n) : name(n) {
    lock_both("constructor");
    std::puts(name);
  }
  ~Locker() {
    lock_both("destructor");
    std::puts(name);
  }
};

Locker early("early");

[[gnu::constructor(101)]] void first_of_all() {
  lock_a.lock();
  lock_a.unlock();
}

[[gnu::destructor(101)]] void last_of_all() {
  lock_a.lock();
  lock_b.lock();
  lock_b.unlock();
  lock_a.unlock();
}

int main() {
  static Locker in_main("in main");
  std::atexit([] { lock_both("atexit"); });
  lock_both("main");
}
