// Exceptions thrown through scoped locks, out of a condition wait, across threads, and by a lock itself.
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;

[[gnu::noinline]] void throw_below(int levels) {
  std::unique_lock a(lock_a, std::try_to_lock);
  if (levels == 0) throw std::runtime_error("thrown below locks");
  throw_below(levels - 1);
}

void catch_from_locks() {
  try {
    std::lock_guard b(lock_b);
    throw_below(10);
  } catch (const std::runtime_error& error) {
    std::printf("%s, locks free: %d %d\n", error.what(), lock_a.try_lock(), lock_b.try_lock());
    lock_a.unlock();
    lock_b.unlock();
  }
}

void catch_from_predicate() {
  std::condition_variable changed;
  try {
    std::unique_lock a(lock_a);
    changed.wait(a, []() -> bool { throw std::runtime_error("thrown in a wait"); });
  } catch (const std::runtime_error& error) {
    std::printf("%s, lock free: %d\n", error.what(), lock_a.try_lock());
    lock_a.unlock();
  }
}

void catch_from_lock() {
  std::unique_lock a(lock_a);
  try {
    a.lock();
  } catch (const std::system_error& error) {
    std::printf("lock of what is owned: %d\n", error.code().value());
  }
}

int main() {
  for (int i = 0; i < 1'000; ++i) {
    try {
      std::lock_guard b(lock_b);
      throw_below(3);
    } catch (const std::exception&) {
    }
  }
  catch_from_locks();
  catch_from_predicate();
  catch_from_lock();
  std::exception_ptr carried;
  std::thread([&] {
    try {
      std::lock_guard b(lock_b);
      throw_below(1);
    } catch (...) {
      carried = std::current_exception();
    }
  }).join();
  try {
    std::rethrow_exception(carried);
  } catch (const std::runtime_error& error) {
    std::printf("carried over: %s\n", error.what());
  }
}
