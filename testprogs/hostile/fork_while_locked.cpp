// Forks while another thread holds a lock, with atfork handlers that lock, as libraries do; the child locks,
// forks again and execs. Every process prints before the next one starts.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <semaphore>
#include <thread>

std::mutex library_lock;
std::mutex held_by_other;
std::mutex lock_a;
std::mutex lock_b;
std::binary_semaphore holding{0};
std::binary_semaphore finish{0};

void say(const char* text) {
  std::puts(text);
  std::fflush(stdout);
}

void lock_both() {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void grandchild_then_exec(const char* self) {
  const pid_t grandchild = fork();
  if (grandchild == 0) {
    lock_both();
    say("grandchild locked");
    _exit(4);
  }
  std::printf("grandchild ended with %d\n", wait_for(grandchild));
  std::fflush(stdout);
  execl(self, self, "executed", nullptr);
  _exit(99);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    lock_both();
    say("executed program locked");
    return 5;
  }
  pthread_atfork([] { library_lock.lock(); }, [] { library_lock.unlock(); }, [] { library_lock.unlock(); });
  std::thread other([] {
    std::lock_guard held(held_by_other);
    holding.release();
    finish.acquire();
  });
  holding.acquire();
  lock_a.lock();
  const pid_t child = fork();
  if (child == 0) {
    lock_b.lock();
    lock_b.unlock();
    lock_a.unlock();
    std::printf("child: the lock of the thread left behind is %s\n",
                held_by_other.try_lock() ? "free" : "taken");
    std::thread of_child(lock_both);
    of_child.join();
    say("child locked");
    grandchild_then_exec(argv[0]);
  }
  lock_a.unlock();
  std::printf("child ended with %d\n", wait_for(child));
  finish.release();
  other.join();
  lock_both();
  say("parent locked");
}
