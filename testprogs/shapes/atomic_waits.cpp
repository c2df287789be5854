// Waits of the standard library that are made of atomics: a latch, a barrier and a counting semaphore, each
// waited for under a lock that the one who ends the wait needs first.
#include <barrier>
#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::latch used{1};
std::barrier meeting{2};
std::counting_semaphore<> items{0};

void first_thread() {
  { std::lock_guard held(lock_a); }
  used.count_down();
  meeting.arrive_and_wait();
  items.release();
}

void second_thread() {
  used.wait();
  std::lock_guard held(lock_a);
  meeting.arrive_and_wait();
  items.acquire();
}

int main() {
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
