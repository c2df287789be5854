// A program that counts on its descriptor numbers: what it opens first is 3, it closes everything it does not
// know, and locks on.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <thread>

std::mutex locks[40];

void lock_pairs(int from, int to) {
  for (int i = from; i < to; ++i) {
    std::lock_guard outer(locks[i]);
    std::lock_guard inner(locks[i + 1]);
  }
}

int open_null() {
  return open("/dev/null", O_RDONLY);
}

int main() {
  const int first = open_null();
  const int second = open_null();
  std::printf("opened %d and %d\n", first, second);
  lock_pairs(0, 10);
  closefrom(3);
  lock_pairs(10, 20);
  std::printf("after closing all: %d\n", open_null());
  std::thread([] { lock_pairs(20, 30); }).join();
  // A descriptor the program owns now may have the number of one that somebody else had before: nobody else
  // may write to it.
  int pipe_ends[2] = {-1, -1};
  if (pipe(pipe_ends) != 0) return 1;
  for (int fd = 10; fd < 40; ++fd) dup2(pipe_ends[1], fd);
  lock_pairs(30, 39);
  fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
  char byte;
  std::printf("bytes nobody wrote: %zd\n", read(pipe_ends[0], &byte, 1));
}
