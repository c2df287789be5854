// What thread creation and the joins return, and that a thread gets its argument, gives its result and starts
// as it was asked to.
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

void show(const char* what, int result) {
  std::printf("%-36s %s\n", what, result == 0 ? "0" : strerrorname_np(result));
}

void* echo(void* argument) {
  return argument;
}
void* exit_with(void* argument) {
  pthread_exit(argument);
}
void* behind_the_gate(void* argument) {
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  return argument;
}
void* look_around(void*) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  pthread_attr_t attr;
  pthread_getattr_np(pthread_self(), &attr);
  size_t stack = 0;
  pthread_attr_getstacksize(&attr, &stack);
  pthread_attr_destroy(&attr);
  int cancel_state = -1;
  pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel_state);
  std::printf("USR1 blocked %d, USR2 blocked %d, stack %zu, cancellable %d, join itself %s\n",
              sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2), stack,
              cancel_state == PTHREAD_CANCEL_ENABLE, strerrorname_np(pthread_join(pthread_self(), nullptr)));
  return nullptr;
}

timespec soon() {
  timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_nsec += 5'000'000;
  if (limit.tv_nsec >= 1'000'000'000) {
    limit.tv_nsec -= 1'000'000'000;
    ++limit.tv_sec;
  }
  return limit;
}

void results() {
  pthread_t thread;
  void* result = nullptr;
  show("create", pthread_create(&thread, nullptr, echo, &gate));
  show("join", pthread_join(thread, &result));
  std::printf("returned its argument: %d\n", result == &gate);
  pthread_create(&thread, nullptr, exit_with, &result);
  pthread_join(thread, &result);
  std::printf("exited with its argument: %d\n", result == &result);
}

void joins() {
  pthread_t thread;
  pthread_mutex_lock(&gate);
  pthread_create(&thread, nullptr, behind_the_gate, nullptr);
  show("try to join a running thread", pthread_tryjoin_np(thread, nullptr));
  timespec limit = soon();
  show("timed join of a running thread", pthread_timedjoin_np(thread, nullptr, &limit));
  limit = soon();
  show("clock join of a running thread", pthread_clockjoin_np(thread, nullptr, CLOCK_REALTIME, &limit));
  pthread_mutex_unlock(&gate);
  limit.tv_sec += 60;
  show("timed join", pthread_timedjoin_np(thread, nullptr, &limit));
}

void attributes() {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_t thread;
  pthread_attr_setstacksize(&attr, size_t{1} << 46);
  show("create with an impossible stack", pthread_create(&thread, &attr, echo, nullptr));
  pthread_attr_setstacksize(&attr, 256 << 10);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  show("create with a stack of 256 KiB", pthread_create(&thread, &attr, look_around, nullptr));
  show("join", pthread_join(thread, nullptr));
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_mutex_lock(&gate);
  show("create detached", pthread_create(&thread, &attr, behind_the_gate, nullptr));
  show("join of a detached thread", pthread_join(thread, nullptr));
  pthread_mutex_unlock(&gate);
  pthread_attr_destroy(&attr);
}

int main() {
  results();
  joins();
  attributes();
}
