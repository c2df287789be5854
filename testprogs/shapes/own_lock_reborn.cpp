// Locks of a type of the program's own, made and ended at the same two addresses: AB over the first two, BA
// over the next. With an argument they are not made anew.
#include <faultline/annotate.h>

#include <semaphore>
#include <thread>

char places[2];
std::binary_semaphore first_done{0};

void take_both(const char* first, const char* second) {
  faultline_acquired(first, FAULTLINE_EXCLUSIVE);
  faultline_acquired(second, FAULTLINE_EXCLUSIVE);
  faultline_release(second);
  faultline_release(first);
}

void forwards() {
  take_both(&places[0], &places[1]);
  first_done.release();
}

void backwards(bool made_anew) {
  first_done.acquire();
  if (made_anew) {
    faultline_lock_destroyed(&places[0]);
    faultline_lock_created(&places[0], "reborn");
    faultline_lock_created(&places[1], "reborn too");
  }
  take_both(&places[1], &places[0]);
}

int main(int argc, char**) {
  faultline_lock_created(&places[0], "lock_a");
  faultline_lock_created(&places[1], "lock_b");
  std::thread first(forwards);
  std::thread second(backwards, argc == 1);
  first.join();
  second.join();
}
