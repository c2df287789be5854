// Two threads hand a token back and forth by semaphores, and one of them forgets to.
#include <semaphore.h>

#include <thread>

sem_t ping;
sem_t pong;

void first_thread() {
  sem_post(&pong);
  sem_wait(&ping);
}

void second_thread() {
  sem_wait(&pong);
  sem_wait(&pong);
}

int main() {
  sem_init(&ping, 0, 0);
  sem_init(&pong, 0, 0);
  std::thread first(first_thread);
  std::thread second(second_thread);
  first.join();
  second.join();
}
