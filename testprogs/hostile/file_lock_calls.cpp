// Locks on files in their odd ways: refused, changed, interrupted, cancelled, inherited; and the other
// commands of fcntl.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

char path[] = "/tmp/faultline-file-locks.XXXXXX";
std::mutex lock;

void show(const char* what, int result) {
  std::printf("%s: %d, %d\n", what, result, result < 0 ? errno : 0);
}

int open_again() {
  return open(path, O_RDWR);
}

int record(int fd, int command, short type, off_t start = 0, off_t length = 0) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  const int result = fcntl(fd, command, &range);
  if (command == F_GETLK) std::printf("type %d ", range.l_type);
  return result;
}

void flocks() {
  const int a = open_again();
  const int b = open_again();
  const int copy = dup(a);
  show("exclusive", flock(a, LOCK_EX));
  show("exclusive again", flock(a, LOCK_EX));
  show("exclusive by the copy", flock(copy, LOCK_EX));
  show("refused", flock(b, LOCK_EX | LOCK_NB));
  show("to shared", flock(copy, LOCK_SH));
  show("shared by another", flock(b, LOCK_SH | LOCK_NB));
  show("change refused", flock(a, LOCK_EX | LOCK_NB));
  show("shared is lost with it", flock(b, LOCK_EX | LOCK_NB));
  show("unlock", flock(b, LOCK_UN));
  show("unlock again", flock(b, LOCK_UN));
  show("bad operation", flock(a, 4711));
  show("bad descriptor", flock(-1, LOCK_EX));
  show("by the copy", flock(copy, LOCK_EX));
  close(copy);
  show("held by the first still", flock(b, LOCK_EX | LOCK_NB));
  close(a);
  show("free", flock(b, LOCK_EX | LOCK_NB));
  close(b);
}

void records() {
  const int a = open_again();
  const int b = open_again();
  show("write", record(a, F_SETLK, F_WRLCK, 0, 10));
  show("write by the same process", record(b, F_SETLKW, F_WRLCK, 0, 10));
  show("write by a description", record(b, F_OFD_SETLK, F_WRLCK, 5, 10));
  show("middle unlocked", record(a, F_SETLK, F_UNLCK, 3, 4));
  show("test", record(b, F_GETLK, F_WRLCK));
  if (fork() == 0) {
    show("in a child", record(a, F_SETLK, F_WRLCK, 0, 1));
    show("test in a child", record(a, F_GETLK, F_WRLCK, 0, 1));
    std::fflush(stdout);
    _exit(0);
  }
  wait(nullptr);
  close(b);
  show("by a description, free", record(a, F_OFD_SETLK, F_WRLCK, 0, 10));
  show("unlock", record(a, F_OFD_SETLK, F_UNLCK));
  show("before the file", record(a, F_SETLK, F_WRLCK, 5, -10));
  show("backwards", record(a, F_SETLK, F_WRLCK, 10, -10));
  show("bad type", record(a, F_SETLK, 99));
  show("bad descriptor", record(-1, F_SETLK, F_WRLCK));
  show("bad address", fcntl(a, F_SETLK, reinterpret_cast<struct flock*>(8)));
  show("lockf", lockf(a, F_LOCK, 0));
  show("lockf test", lockf(a, F_TEST, 0));
  show("lockf unlock", lockf(a, F_ULOCK, 0));
  show("lockf, bad command", lockf(a, 4711, 0));
  close(a);
}

void other_commands() {
  const int a = open_again();
  const int copy = fcntl(a, F_DUPFD_CLOEXEC, 100);
  std::printf("copied to %d\n", copy);
  show("flags of the descriptor", fcntl(copy, F_GETFD));
  show("flags of the file", fcntl(copy, F_GETFL) & O_ACCMODE);
  show("set flags", fcntl(copy, F_SETFL, O_NONBLOCK));
  show("bad command", fcntl(copy, 4711, 0));
  close(copy);
  close(a);
}

std::atomic<bool> interrupted{false};

void interrupt(int) {
  interrupted = true;
}

// A child holds the lock; this process waits for it until an alarm, or until it is cancelled.
void waits() {
  int ready[2];
  if (pipe(ready) != 0) return;
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open_again();
    flock(fd, LOCK_EX);
    record(fd, F_SETLK, F_WRLCK);
    if (write(ready[1], "r", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) return;
  const int fd = open_again();
  struct sigaction action {};
  action.sa_handler = interrupt;
  sigaction(SIGALRM, &action, nullptr);
  ualarm(50'000, 50'000);
  show("flock interrupted", flock(fd, LOCK_EX));
  show("fcntl interrupted", record(fd, F_SETLKW, F_WRLCK));
  show("lockf interrupted", lockf(fd, F_LOCK, 0));
  ualarm(0, 0);
  std::printf("interrupted %d\n", interrupted.load());
  pthread_t waiter;
  pthread_create(
      &waiter, nullptr,
      [](void* at) -> void* {
        record(*static_cast<int*>(at), F_SETLKW, F_WRLCK);
        return nullptr;
      },
      const_cast<int*>(&fd));
  pthread_cancel(waiter);
  void* end = nullptr;
  pthread_join(waiter, &end);
  std::printf("cancelled %d\n", end == PTHREAD_CANCELED);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  show("flock of the dead", flock(fd, LOCK_EX));
  show("fcntl of the dead", record(fd, F_SETLKW, F_WRLCK));
  close(fd);
}

int main() {
  const int made = mkstemp(path);
  if (made < 0) return 1;
  std::lock_guard held(lock);
  flocks();
  records();
  other_commands();
  std::fflush(stdout);
  waits();
  std::thread(flocks).join();
  close(made);
  unlink(path);
}
