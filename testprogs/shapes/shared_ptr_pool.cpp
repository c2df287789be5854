// Two threads load and exchange shared pointers atomically, with a lock held; libstdc++ takes mutexes of its
// own for that, chosen by hash. With an argument they also take two locks in both orders.
#include <array>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::array<std::shared_ptr<int>, 64> slots;
std::binary_semaphore first_done{0};

void exchange_all() {
  for (std::size_t i = 0; i < slots.size(); ++i)
    for (std::size_t j = 0; j < slots.size(); ++j)
      if (i != j) std::atomic_compare_exchange_strong(&slots[i], &slots[j], std::make_shared<int>(1));
  std::atomic_store(&slots[0], std::atomic_load(&slots[1]));
}

void first_thread(bool both) {
  {
    std::lock_guard a(lock_a);
    exchange_all();
    if (both) std::lock_guard b(lock_b);
  }
  first_done.release();
}

void second_thread(bool both) {
  first_done.acquire();
  std::lock_guard b(lock_b);
  exchange_all();
  if (both) std::lock_guard a(lock_a);
}

int main(int argc, char**) {
  std::thread first(first_thread, argc > 1);
  std::thread second(second_thread, argc > 1);
  first.join();
  second.join();
}
