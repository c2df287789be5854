// Three threads meet at a barrier, 5,000 times.
#include <pthread.h>

#include <cstdio>
#include <thread>

pthread_barrier_t everyone;

void work() {
  for (int i = 0; i < 5000; ++i) pthread_barrier_wait(&everyone);
}

int main() {
  pthread_barrier_init(&everyone, nullptr, 3);
  std::thread first(work);
  std::thread second(work);
  work();
  first.join();
  second.join();
  std::puts("done");
}
