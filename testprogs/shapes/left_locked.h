// What the fork_left_locked programs share: a thread that holds something while the process forks, and a
// child that may never come back.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <semaphore>
#include <thread>

// A thread that takes and keeps what `take` takes until `release` has released it.
class Holder {
 public:
  template <class Take, class Release>
  Holder(Take take, Release release)
      : thread_([this, take, release] {
          take();
          holding_.release();
          finish_.acquire();
          release();
        }) {
    holding_.acquire();
  }
  ~Holder() {
    let_go();
    thread_.join();
  }
  // The thread may release what it holds.
  void let_go() { finish_.release(); }

 private:
  std::binary_semaphore holding_{0};
  std::counting_semaphore<2> finish_{0};
  std::thread thread_;
};

// Whether the process sleeps in a system call.
inline bool is_blocked(pid_t pid) {
  char path[64];
  char text[512];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const int file = open(path, O_RDONLY);
  const ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  text[size > 0 ? size : 0] = '\0';
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'S';
}

// Runs `body` in a forked child and gives its exit status, or 128 + SIGKILL where it came to wait for good.
template <class Body>
int in_child(Body body) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    close(ends[1]);  // tells the parent: from here on the only wait is the body's
    body();
    _exit(0);
  }
  close(ends[1]);
  char byte;
  while (read(ends[0], &byte, 1) > 0) {
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (is_blocked(child)) kill(child, SIGKILL);
    std::this_thread::yield();
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
