// deadlock_abba over a lock type of the program's own. First argument "handed-over": a third thread gives up
// lock_a for its holder a little later, and all ends well.
#include <pthread.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <thread>

#include "own_lock.h"

OwnLock lock_a;
OwnLock lock_b;
pthread_barrier_t both_hold;
bool handed_over = false;

void first_thread() {
  lock_a.lock();
  pthread_barrier_wait(&both_hold);
  lock_b.lock();
  lock_b.unlock();
  if (!handed_over) lock_a.unlock();
}

void second_thread() {
  std::lock_guard b(lock_b);
  pthread_barrier_wait(&both_hold);
  std::lock_guard a(lock_a);
}

void third_thread() {
  pthread_barrier_wait(&both_hold);
  usleep(50'000);
  lock_a.unlock();
}

int main(int argc, char** argv) {
  handed_over = argc > 1 && std::strcmp(argv[1], "handed-over") == 0;
  pthread_barrier_init(&both_hold, nullptr, handed_over ? 3 : 2);
  faultline_lock_created(&lock_a, "lock_a");
  faultline_lock_created(&lock_b, "lock_b");
  std::thread first(first_thread);
  std::thread second(second_thread);
  if (handed_over) std::thread(third_thread).join();
  first.join();
  second.join();
}
