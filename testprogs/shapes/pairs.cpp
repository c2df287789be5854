// 10,000 parents with a child each, in a thread that takes every pair in order, parent first; then another
// thread takes one pair, named by the first argument, the other way round ("none": it takes none). With the
// argument "again" the first thread then takes that pair once more.
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

constexpr int kPairs = 10'000;
std::vector<pthread_mutex_t> parents(kPairs), children(kPairs);

[[gnu::noinline]] void make_parents() {
  for (auto& lock : parents) pthread_mutex_init(&lock, nullptr);
}

[[gnu::noinline]] void make_children() {
  for (auto& lock : children) pthread_mutex_init(&lock, nullptr);
}

[[gnu::noinline]] void in_order(int pair) {
  pthread_mutex_lock(&parents[pair]);
  pthread_mutex_lock(&children[pair]);
  pthread_mutex_unlock(&children[pair]);
  pthread_mutex_unlock(&parents[pair]);
}

[[gnu::noinline]] void other_way(int pair) {
  pthread_mutex_lock(&children[pair]);
  pthread_mutex_lock(&parents[pair]);
  pthread_mutex_unlock(&parents[pair]);
  pthread_mutex_unlock(&children[pair]);
}

pthread_barrier_t all_created;

int main(int argc, char** argv) {
  const bool none = argc < 2 || std::strcmp(argv[1], "none") == 0;
  const int pair = none ? 0 : std::atoi(argv[1]);
  make_parents();
  make_children();
  pthread_barrier_init(&all_created, nullptr, 2);
  std::thread first([=] {
    pthread_barrier_wait(&all_created);
    for (int i = 0; i < kPairs; ++i) in_order(i);
    pthread_barrier_wait(&all_created);
    pthread_barrier_wait(&all_created);
    if (argc > 2) in_order(pair);
  });
  std::thread second([=] {
    pthread_barrier_wait(&all_created);
    pthread_barrier_wait(&all_created);
    if (!none) other_way(pair);
    pthread_barrier_wait(&all_created);
  });
  first.join();
  second.join();
  std::printf("done\n");
}
