// A timer signal whose handler takes locks (a try of the mutex the main program is busy with, and a spin lock
// of its own), at any instruction of the main program's locking. errno and the signal mask must be what the
// program left.
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdio>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
pthread_spinlock_t of_handler;
volatile sig_atomic_t handled = 0;

void on_alarm(int) {
  const int saved = errno;
  if (pthread_mutex_trylock(&lock_b) == 0) {
    pthread_spin_lock(&of_handler);
    pthread_spin_unlock(&of_handler);
    pthread_mutex_unlock(&lock_b);
  }
  pthread_spin_lock(&of_handler);
  pthread_spin_unlock(&of_handler);
  handled = handled + 1;
  errno = saved;
}

int main() {
  pthread_spin_init(&of_handler, PTHREAD_PROCESS_PRIVATE);
  struct sigaction action = {};
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every = {.it_interval = {.tv_sec = 0, .tv_usec = 200},
                           .it_value = {.tv_sec = 0, .tv_usec = 200}};
  setitimer(ITIMER_REAL, &every, nullptr);

  long failures = 0;
  errno = 4711;
  for (int round = 0; handled < 500; ++round) {
    failures += pthread_mutex_lock(&lock_a) != 0;
    if (round < 20'000) {
      // A lock made anew is an order never seen before: the handler comes in the middle of a tool's work on
      // that, too.
      pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
      failures += pthread_mutex_lock(&fresh) != 0;
      failures += pthread_mutex_unlock(&fresh) != 0;
      pthread_mutex_destroy(&fresh);
    }
    failures += pthread_mutex_lock(&lock_b) != 0;
    failures += pthread_mutex_unlock(&lock_b) != 0;
    failures += pthread_mutex_unlock(&lock_a) != 0;
  }
  const itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, nullptr, &mask);
  std::printf("failures %ld, errno %d, alarm blocked %d\n", failures, errno, sigismember(&mask, SIGALRM));
}
