// AB and BA over a reader-writer lock type of the program's own. First argument: how B is taken on top of A
// and held over A: "read" both times, or "write".
#include <faultline/annotate.h>

#include <cstring>
#include <semaphore>
#include <thread>

char lock_a;
char lock_b;
std::binary_semaphore first_done{0};

void take(const char& lock, int mode) {
  faultline_acquire_begin(&lock, mode);
  faultline_acquired(&lock, mode);
}

void first_thread(int mode) {
  take(lock_a, FAULTLINE_EXCLUSIVE);
  take(lock_b, mode);
  faultline_release(&lock_b);
  faultline_release(&lock_a);
  first_done.release();
}

void second_thread(int mode) {
  first_done.acquire();
  take(lock_b, mode);
  faultline_acquired(&lock_a, FAULTLINE_EXCLUSIVE);
  faultline_release(&lock_a);
  faultline_release(&lock_b);
}

int main(int argc, char** argv) {
  const int mode = argc > 1 && std::strcmp(argv[1], "write") == 0 ? FAULTLINE_EXCLUSIVE : FAULTLINE_SHARED;
  std::thread first(first_thread, mode);
  std::thread second(second_thread, mode);
  first.join();
  second.join();
}
