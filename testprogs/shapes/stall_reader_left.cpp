// One thread waits on a condition, the other one in read(2): whatever comes in will wake it.
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

std::mutex state_lock;
std::condition_variable changed;
bool done = false;

void reader(int fd) {
  char byte;
  while (read(fd, &byte, 1) == 1) {
  }
  std::lock_guard state(state_lock);
  done = true;
  changed.notify_all();
}

int main() {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  std::thread thread(reader, ends[0]);
  const pid_t child = fork();
  if (child == 0) {
    usleep(200000);
    _exit(0);
  }
  close(ends[1]);
  {
    std::unique_lock state(state_lock);
    changed.wait(state, [] { return done; });
  }
  thread.join();
  std::puts("done");
}
