// The calls a server waits in - read, poll, select, epoll_wait and their kin: results, errno, interruption by
// a signal, and cancellation while they block.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

int pipe_ends[2];
int epoll_fd;

void show(const char* what, long result) {
  std::printf("%-32s %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

fd_set set_of(int fd) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fd, &set);
  return set;
}

long wait_read() {
  char byte;
  return read(pipe_ends[0], &byte, 1);
}
long wait_poll() {
  pollfd wanted = {.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  return poll(&wanted, 1, 10'000);
}
long wait_ppoll() {
  pollfd wanted = {.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  const timespec limit = {.tv_sec = 10, .tv_nsec = 0};
  return ppoll(&wanted, 1, &limit, nullptr);
}
long wait_select() {
  fd_set set = set_of(pipe_ends[0]);
  timeval limit = {.tv_sec = 10, .tv_usec = 0};
  return select(pipe_ends[0] + 1, &set, nullptr, nullptr, &limit);
}
long wait_pselect() {
  fd_set set = set_of(pipe_ends[0]);
  const timespec limit = {.tv_sec = 10, .tv_nsec = 0};
  return pselect(pipe_ends[0] + 1, &set, nullptr, nullptr, &limit, nullptr);
}
long wait_epoll() {
  epoll_event event;
  return epoll_wait(epoll_fd, &event, 1, 10'000);
}
long wait_epoll_p() {
  epoll_event event;
  return epoll_pwait(epoll_fd, &event, 1, 10'000, nullptr);
}

struct Wait {
  const char* name;
  long (*function)();
};
const Wait waits[] = {{"read", wait_read},          {"poll", wait_poll},       {"ppoll", wait_ppoll},
                      {"select", wait_select},      {"pselect", wait_pselect}, {"epoll_wait", wait_epoll},
                      {"epoll_pwait", wait_epoll_p}};

void* run_wait(void* wait) {
  static_cast<const Wait*>(wait)->function();
  return nullptr;
}

void cancel_each() {
  for (const Wait& wait : waits) {
    pthread_t thread;
    pthread_create(&thread, nullptr, run_wait, const_cast<Wait*>(&wait));
    usleep(2'000);
    pthread_cancel(thread);
    void* result = nullptr;
    pthread_join(thread, &result);
    std::printf("%s: cancelled %s\n", wait.name, result == PTHREAD_CANCELED ? "yes" : "no");
  }
}

void interrupt_each() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  for (const Wait& wait : waits) {
    // Again and again: the first may come before the call blocks.
    ualarm(5'000, 5'000);
    errno = 0;
    const long result = wait.function();
    const int error = errno;
    ualarm(0, 0);
    errno = error;
    show(wait.name, result);
  }
}

void satisfy_each() {
  if (write(pipe_ends[1], "x", 1) != 1) return;
  for (const Wait& wait : waits)
    if (wait.function != wait_read) show(wait.name, wait.function());
  show("read what was waited for", wait_read());
}

void failures() {
  char byte;
  show("read of no descriptor", read(-1, &byte, 1));
  show("read into no memory", read(pipe_ends[0], reinterpret_cast<void*>(8), 0));
  show("close of no descriptor", close(-1));
  int waiting = -1;
  show("ioctl", ioctl(pipe_ends[0], FIONREAD, &waiting));
  std::printf("bytes waiting: %d\n", waiting);
  show("ioctl not of pipes", ioctl(pipe_ends[0], TIOCGWINSZ, &waiting));
  show("ioctl without an argument", ioctl(pipe_ends[0], FIOCLEX));
  show("poll of nothing", poll(nullptr, 0, 1));
  show("select with a bad count", select(-1, nullptr, nullptr, nullptr, nullptr));
  epoll_event event;
  show("epoll_wait of no descriptor", epoll_wait(-1, &event, 1, 0));
}

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  if (pipe(pipe_ends) != 0) return 1;
  epoll_fd = epoll_create1(0);
  epoll_event event = {.events = EPOLLIN, .data = {}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_ends[0], &event);
  failures();
  interrupt_each();
  cancel_each();
  satisfy_each();
}
