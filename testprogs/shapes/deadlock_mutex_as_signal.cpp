// A mutex as a signal: who waits for it holds it, and another thread gives it up. By the book a deadlock each
// time, but every wait ends: told once, and the program runs through.
#include <pthread.h>
#include <semaphore.h>

#include <cstdio>

namespace {

pthread_mutex_t signal_lock = PTHREAD_MUTEX_INITIALIZER;
sem_t asked;
constexpr int kTurns = 500;

void* give_up(void*) {
  for (int i = 0; i < kTurns; ++i) {
    while (sem_wait(&asked) != 0) {
    }
    pthread_mutex_unlock(&signal_lock);
  }
  return nullptr;
}

void wait_for_signal() {
  pthread_mutex_lock(&signal_lock);
}

}  // namespace

int main() {
  sem_init(&asked, 0, 0);
  pthread_mutex_lock(&signal_lock);
  pthread_t giver;
  pthread_create(&giver, nullptr, give_up, nullptr);
  for (int i = 0; i < kTurns; ++i) {
    sem_post(&asked);
    wait_for_signal();
  }
  pthread_join(giver, nullptr);
  std::puts("done");
}
