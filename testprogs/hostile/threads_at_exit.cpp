// main returns while threads run and lock, and static objects are destroyed under them. The argument says
// what the threads are in the middle of.
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::atomic<int> rounds{0};
std::counting_semaphore<8> started{0};

void lock_both() {
  const std::lock_guard a(lock_a);
  const std::lock_guard b(lock_b);
}

struct DestroyedLate {
  ~DestroyedLate() {
    lock_both();
    std::puts("static object destroyed");
  }
} destroyed_late;

void busy() {
  started.release();
  for (;;) {
    lock_both();
    ++rounds;
  }
}

void asleep() {
  const std::lock_guard a(lock_a);
  started.release();
  std::binary_semaphore never{0};
  never.acquire();
}

// Makes and ends threads all the time.
void making_threads() {
  started.release();
  for (;;) std::thread(lock_both).join();
}

int main(int argc, char** argv) {
  const char* const what = argc > 1 ? argv[1] : "";
  void (*const body)() = std::strcmp(what, "asleep") == 0    ? asleep
                         : std::strcmp(what, "threads") == 0 ? making_threads
                                                             : busy;
  // The sleeper keeps lock_a for good, so nobody may take it after.
  const int count = body == asleep ? 1 : 3;
  for (int i = 0; i < count; ++i) std::thread(body).detach();
  for (int i = 0; i < count; ++i) started.acquire();
  while (body == busy && rounds < 1000) std::this_thread::yield();
  std::puts("main returns");
  if (body == asleep) std::_Exit(std::fflush(stdout) == 0 ? 6 : 1);
  return 5;
}
