// Two threads hand a token back and forth by semaphores, 20,000 times.
#include <semaphore.h>

#include <cstdio>
#include <thread>

constexpr int kTurns = 20000;

sem_t ping;
sem_t pong;

void pass_on(sem_t* from, sem_t* to) {
  for (int i = 0; i < kTurns; ++i) {
    sem_wait(from);
    sem_post(to);
  }
}

int main() {
  sem_init(&ping, 0, 1);
  sem_init(&pong, 0, 0);
  std::thread first(pass_on, &ping, &pong);
  std::thread second(pass_on, &pong, &ping);
  first.join();
  second.join();
  std::puts("done");
}
