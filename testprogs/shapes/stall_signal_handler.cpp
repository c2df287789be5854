// The only thread waits for a semaphore that a signal handler posts when a timer goes off.
#include <semaphore.h>
#include <sys/time.h>
#include <csignal>
#include <cstdio>

sem_t ticks;

void on_tick(int) {
  sem_post(&ticks);
}

int main() {
  sem_init(&ticks, 0, 0);
  struct sigaction action {};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval soon{{0, 0}, {0, 200000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
  while (sem_wait(&ticks) != 0) {
  }
  std::puts("tick");
}
