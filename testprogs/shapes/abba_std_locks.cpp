// AB and BA over the standard library's lock of the name that is asked for, by the guard that goes with it.
// With "ranked" both threads take A first.
#include <cstring>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <thread>

// Objects of their own for each type, so that each has a lock_a and a lock_b.
template <class Lock>
struct Pair {
  static inline Lock lock_a;
  static inline Lock lock_b;
};

std::binary_semaphore first_done{0};

template <class Guard, class Lock>
[[gnu::noinline]] void take(Lock& outer, Lock& inner) {
  Guard held(outer);
  Guard also_held(inner);
}

template <class Lock, template <class> class Guard>
int abba(bool ranked) {
  using P = Pair<Lock>;
  std::thread first([] {
    take<Guard<Lock>>(P::lock_a, P::lock_b);
    first_done.release();
  });
  std::thread second([ranked] {
    first_done.acquire();
    if (ranked)
      take<Guard<Lock>>(P::lock_a, P::lock_b);
    else
      take<Guard<Lock>>(P::lock_b, P::lock_a);
  });
  first.join();
  second.join();
  return 0;
}

// abba_std_locks NAME [ranked]
int main(int count, char** arguments) {
  const auto is = [&](const char* name) { return std::strcmp(arguments[1], name) == 0; };
  const bool ranked = count == 3;
  if (is("mutex")) return abba<std::mutex, std::lock_guard>(ranked);
  if (is("timed_mutex")) return abba<std::timed_mutex, std::unique_lock>(ranked);
  if (is("recursive_mutex")) return abba<std::recursive_mutex, std::lock_guard>(ranked);
  if (is("recursive_timed_mutex")) return abba<std::recursive_timed_mutex, std::unique_lock>(ranked);
  if (is("shared_mutex")) return abba<std::shared_mutex, std::unique_lock>(ranked);
  if (is("shared_timed_mutex")) return abba<std::shared_timed_mutex, std::lock_guard>(ranked);
  if (is("shared_mutex-readers")) return abba<std::shared_mutex, std::shared_lock>(ranked);
  return 2;
}
