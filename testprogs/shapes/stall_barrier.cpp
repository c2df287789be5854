// A barrier for three, and only two who come.
#include <pthread.h>

#include <thread>

pthread_barrier_t everyone;

void arrive() {
  pthread_barrier_wait(&everyone);
}

int main() {
  pthread_barrier_init(&everyone, nullptr, 3);
  std::thread first(arrive);
  std::thread second(arrive);
  first.join();
  second.join();
}
