// Three threads in a ring, each joining the next.
#include <pthread.h>

#include <thread>

pthread_t threads[3];
pthread_barrier_t all_known;

void* join_next(void* number) {
  pthread_barrier_wait(&all_known);
  pthread_join(threads[(reinterpret_cast<long>(number) + 1) % 3], nullptr);
  return nullptr;
}

int main() {
  pthread_barrier_init(&all_known, nullptr, 4);
  for (long i = 0; i < 3; ++i) pthread_create(&threads[i], nullptr, join_next, reinterpret_cast<void*>(i));
  pthread_barrier_wait(&all_known);
  pthread_exit(nullptr);
}
