// AB and BA, the second order by a thread that has switched recording off. It gives up meanwhile a lock taken
// before, and afterwards one taken meanwhile. With an argument it switches recording on again before the
// second order.
#include <faultline/annotate.h>

#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::mutex lock_c;
std::binary_semaphore first_done{0};

void first_thread() {
  {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
  }
  first_done.release();
}

void second_thread(bool off) {
  first_done.acquire();
  lock_c.lock();
  faultline_recording(0);
  lock_c.unlock();
  if (!off) faultline_recording(1);
  {
    std::lock_guard b(lock_b);
    std::lock_guard a(lock_a);
  }
  lock_c.lock();
  if (off) faultline_recording(1);
  lock_c.unlock();
  {
    std::lock_guard a(lock_a);
    std::lock_guard c(lock_c);
  }
}

int main(int argc, char**) {
  faultline::name_lock(lock_c, "lock_c");
  std::thread first(first_thread);
  std::thread second(second_thread, argc == 1);
  first.join();
  second.join();
}
