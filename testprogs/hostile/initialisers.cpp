// pthread_once, std::call_once, C11's call_once and static variables whose initialiser is left half-way: by
// an exception, by cancellation, by pthread_exit. Then another one runs it. Nested ones, many threads at
// once, and once_flags that come and go at one address.
#include <pthread.h>
#include <threads.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

enum class End { Return, Throw, Cancel, Exit };

End end = End::Return;
int runs = 0;
pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;

struct Tracer {
  ~Tracer() { std::printf("  destructor in the initialiser\n"); }
};

void initialise() {
  const Tracer tracer;
  ++runs;
  // Taken under the initialiser, and given up again or not.
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  switch (end) {
    case End::Return:
      return;
    case End::Throw:
      throw std::runtime_error("left");
    case End::Cancel:
      pthread_cancel(pthread_self());
      pthread_testcancel();
      return;
    case End::Exit:
      pthread_exit(&runs);
  }
}

pthread_once_t posix_once = PTHREAD_ONCE_INIT;
std::once_flag std_once;
once_flag c11_once = ONCE_FLAG_INIT;

void by_pthread() {
  pthread_once(&posix_once, initialise);
}
void by_std() {
  std::call_once(std_once, initialise);
}
void by_c11() {
  call_once(&c11_once, initialise);
}
int initialised_value() {
  initialise();
  return 42;
}
void by_static() {
  static const int value = initialised_value();
  std::printf("  value %d\n", value);
}

void* run(void* function) {
  try {
    reinterpret_cast<void (*)()>(function)();
  } catch (const std::runtime_error& error) {
    std::printf("  caught: %s\n", error.what());
  }
  return nullptr;
}

void try_in_thread(void (*function)(), End how) {
  end = how;
  pthread_t thread;
  pthread_create(&thread, nullptr, run, reinterpret_cast<void*>(function));
  void* result = nullptr;
  pthread_join(thread, &result);
  std::printf("  ended %s, runs %d\n",
              result == PTHREAD_CANCELED ? "cancelled"
              : result == &runs          ? "by pthread_exit"
                                         : "by return",
              runs);
}

void each(const char* what, void (*function)()) {
  std::printf("%s\n", what);
  runs = 0;
  for (const End how : {End::Throw, End::Cancel, End::Exit, End::Return, End::Throw})
    try_in_thread(function, how);
}

// Whoever comes first runs it; the others wait and find it done.
void many_at_once() {
  static std::once_flag flag;
  std::atomic<int> ran = 0;
  std::atomic<int> saw = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      std::call_once(flag, [&] {
        std::this_thread::yield();
        ++ran;
      });
      saw += ran;
    });
  for (std::thread& thread : threads) thread.join();
  std::printf("ran %d, seen by %d\n", ran.load(), saw.load());
}

void nested() {
  static std::once_flag outer, inner;
  std::call_once(outer, [] { std::call_once(inner, [] { std::printf("inner\n"); }); });
  std::call_once(inner, [] { std::printf("never\n"); });
}

void at_one_address() {
  int ran = 0;
  for (int i = 0; i < 100; ++i) {
    std::once_flag flag;
    for (int again = 0; again < 3; ++again) {
      const std::lock_guard held(*reinterpret_cast<std::mutex*>(&lock_a));
      std::call_once(flag, [&] { ++ran; });
    }
  }
  std::printf("ran %d times\n", ran);
}

int main() {
  each("pthread_once", by_pthread);
  each("std::call_once", by_std);
  each("call_once", by_c11);
  each("static variable", by_static);
  many_at_once();
  nested();
  at_one_address();
}
