// A then B in one thread, B then A in another, each with its first lock before either asks for its second:
// they never end.
#include <pthread.h>

#include <mutex>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
pthread_barrier_t both_hold;

void first_thread() {
  std::lock_guard a(lock_a);
  pthread_barrier_wait(&both_hold);
  std::lock_guard b(lock_b);
}

void second_thread() {
  std::lock_guard b(lock_b);
  pthread_barrier_wait(&both_hold);
  std::lock_guard a(lock_a);
}

int main() {
  pthread_barrier_init(&both_hold, nullptr, 2);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
