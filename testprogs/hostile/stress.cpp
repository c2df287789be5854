// Four threads do everything at once for a while: mutexes of all sorts, readers and writers, conditions,
// timed and tried locks, locks made for one use, threads made, joined and cancelled, forks, execs, a library
// loaded and unloaded; and signals, whose handler locks, come in between.
//
//   stress SEED SECONDS LIBRARY
//
// All locks are taken in one order. What each lock guards is counted twice, under the lock and by the threads
// themselves: both must agree at the end. Prints the same whatever the seed and the machine; a program that
// hangs ends itself with status 3.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "stress_worker.h"

namespace {

pthread_spinlock_t handler_spin;
std::atomic<long> under_mutex_in_handler[kMutexes];
std::atomic<long> handled{0};
std::atomic<unsigned> next_in_handler{0};

// SIGUSR1, at any instruction of any thread.
void on_signal(int) {
  const int saved = errno;
  const unsigned i = next_in_handler++ % kMutexes;
  // A recursive one could be in use by the very code that was interrupted.
  if (i % 4 != 1 && pthread_mutex_trylock(&mutexes[i]) == 0) {
    ++under_mutex[i];
    ++under_mutex_in_handler[i];
    pthread_mutex_unlock(&mutexes[i]);
  }
  pthread_spin_lock(&handler_spin);
  pthread_spin_unlock(&handler_spin);
  ++handled;
  errno = saved;
}

// SIGALRM: nothing here may last that long.
void on_timeout(int) {
  constexpr char text[] = "stress: a thread hangs; this process has had more time than it can need\n";
  [[maybe_unused]] const ssize_t size = write(2, text, sizeof text - 1);
  _exit(3);
}

void make_mutexes() {
  constexpr int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                           PTHREAD_MUTEX_ADAPTIVE_NP};
  for (int i = 0; i < kMutexes; ++i) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, types[i % 4]);
    pthread_mutex_init(&mutexes[i], &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_init(&handler_spin, PTHREAD_PROCESS_PRIVATE);
  pthread_atfork([] { pthread_mutex_lock(&library_lock); }, [] { pthread_mutex_unlock(&library_lock); },
                 [] { pthread_mutex_unlock(&library_lock); });
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

// To any thread but this one, which only waits.
timer_t start_signals() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  timer_t timer;
  check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create gave", errno);
  const timespec every = {.tv_sec = 0, .tv_nsec = 2'000'000};
  const itimerspec times = {.it_interval = every, .it_value = every};
  timer_settime(timer, 0, &times, nullptr);
  return timer;
}

bool counters_agree(const std::array<Worker, kThreads>& workers) {
  Tally sum;
  for (const Worker& worker : workers) {
    for (int i = 0; i < kMutexes; ++i) sum.under_mutex[i] += worker.tally().under_mutex[i];
    sum.written += worker.tally().written;
    sum.queued += worker.tally().queued;
    sum.cancelled_in_wait += worker.tally().cancelled_in_wait;
    sum.under_spin += worker.tally().under_spin;
  }
  for (int i = 0; i < kMutexes; ++i)
    check(under_mutex[i] == sum.under_mutex[i] + under_mutex_in_handler[i], "two held one mutex at a time",
          i);
  check(written[0] == sum.written && written[1] == sum.written, "two wrote at a time");
  check(queued == sum.queued, "the queue is not what was put into it");
  check(cancelled_in_wait == sum.cancelled_in_wait, "a cancelled thread was not cleaned up after");
  check(under_spin == sum.under_spin, "two held the spin lock at a time");
  return failures == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "executed") == 0) {
    pthread_mutex_lock(&child_locks[0]);
    pthread_mutex_lock(&child_locks[1]);
    pthread_mutex_unlock(&child_locks[1]);
    pthread_mutex_unlock(&child_locks[0]);
    return 41;
  }
  if (argc != 4) return 2;
  const auto seed = static_cast<unsigned>(std::atoi(argv[1]));
  const std::chrono::seconds time(std::atoi(argv[2]));
  library_path = argv[3];
  handle(SIGALRM, on_timeout);
  handle(SIGUSR1, on_signal);
  alarm(static_cast<unsigned>(2 * time.count() + 90));
  make_mutexes();

  std::array<Worker, kThreads> workers;
  for (unsigned i = 0; i < kThreads; ++i) workers[i].start(seed + i, Worker::Clock::now() + time);
  if (failures != 0) return 1;
  const timer_t timer = start_signals();
  for (Worker& worker : workers) worker.join();
  timer_delete(timer);

  for (unsigned i = 0; i < Worker::kSteps; ++i) {
    long taken = 0;
    for (const Worker& worker : workers) taken += worker.taken()[i];
    check(taken > 0, "never taken: step", i);
  }
  check(handled > 0, "no signal was handled");
  const bool agree = counters_agree(workers);
  std::printf("counters agree: %s\n", agree ? "yes" : "no");
  return agree ? 0 : 1;
}
