// The ways to end a process with other threads at work and locks held: the first argument says which.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

std::mutex lock_a;
std::mutex lock_b;
std::mutex never_released;

void lock_both(const char* when) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  std::puts(when);
}

[[noreturn]] void work() {
  for (;;) {
    std::mutex mine;
    std::lock_guard a(mine);
    std::this_thread::yield();
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string_view how = argv[1];
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  std::atexit([] { lock_both("atexit"); });
  std::at_quick_exit([] { lock_both("at_quick_exit"); });
  std::thread(work).detach();
  std::thread(work).detach();
  lock_both("main");
  never_released.lock();

  if (how == "return") return 31;
  if (how == "exit") std::exit(32);
  if (how == "_exit") _exit(33);
  if (how == "quick_exit") std::quick_exit(34);
  if (how == "_Exit") std::_Exit(35);
  if (how == "abort") std::abort();
  if (how == "terminate") raise(SIGTERM);
  if (how == "segfault") raise(SIGSEGV);
  if (how == "exit-in-thread") std::thread([] { std::exit(36); }).join();
  if (how == "pthread_exit") {
    // The process goes on without its first thread until the last one ends it.
    std::thread([] {
      usleep(20'000);
      lock_both("after the first thread");
      std::exit(37);
    }).detach();
    pthread_exit(nullptr);
  }
  return 2;
}
