// The twin of deadlock_join: the lock that the joined thread wants is held only by a signal handler, which
// interrupts the join and gives it up again. A mutex that is tried, as handlers may.
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <atomic>

namespace {

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
std::atomic<bool> joins{false};
std::atomic<bool> held{false};

void sleep_ms(long milliseconds) {
  const timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&time, nullptr);
}

void on_signal(int) {
  if (pthread_mutex_trylock(&lock) != 0) return;
  held = true;
  sleep_ms(100);
  pthread_mutex_unlock(&lock);
}

void* work(void* joiner) {
  while (!joins) sleep_ms(1);
  sleep_ms(50);  // until it does
  pthread_kill(*static_cast<pthread_t*>(joiner), SIGUSR1);
  while (!held) sleep_ms(1);
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
  return nullptr;
}

}  // namespace

int main() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  pthread_t self = pthread_self();
  pthread_t worker;
  pthread_create(&worker, nullptr, work, &self);
  joins = true;
  pthread_join(worker, nullptr);
}
