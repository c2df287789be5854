// Two threads take the same two locks in opposite orders by std::scoped_lock and std::lock, which try and
// back off and so never wait for one with the other held. With "nested", they take them one after the other.
#include <latch>
#include <mutex>
#include <thread>

std::mutex lock_a;
std::recursive_mutex lock_b;
std::mutex lock_c;

constexpr int kRounds = 200;
std::latch both_run{2};

[[gnu::noinline]] void forwards() {
  both_run.arrive_and_wait();
  for (int i = 0; i < kRounds; ++i) {
    std::scoped_lock both(lock_a, lock_b);
    std::scoped_lock third(lock_c);
  }
}

[[gnu::noinline]] void backwards() {
  both_run.arrive_and_wait();
  for (int i = 0; i < kRounds; ++i) {
    std::unique_lock b(lock_b, std::defer_lock);
    std::unique_lock a(lock_a, std::defer_lock);
    std::lock(b, a);
    std::scoped_lock third(lock_c);
  }
}

[[gnu::noinline]] void backwards_nested() {
  std::scoped_lock b(lock_b);
  std::scoped_lock a(lock_a);
}

[[gnu::noinline]] void forwards_nested() {
  std::scoped_lock a(lock_a);
  std::scoped_lock b(lock_b);
}

int main(int count, char**) {
  if (count == 2) {
    // The second is alive while the first runs, and waits for it.
    std::latch first_done{1};
    std::thread first([&] {
      forwards_nested();
      first_done.count_down();
    });
    std::thread second([&] {
      first_done.wait();
      backwards_nested();
    });
    first.join();
    second.join();
  } else {
    std::thread first(forwards);
    std::thread second(backwards);
    first.join();
    second.join();
  }
}
