// Locks at the end of a recursion of 20,000 calls, at each of 2,000 levels, and in threads with the smallest
// stack there is.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <vector>

std::mutex lock_a;
std::mutex lock_b;
std::recursive_mutex every_level;
std::vector<std::mutex> of_level(2'000);

[[gnu::noinline]] int descend(int levels) {
  if (levels == 0) {
    std::lock_guard a(lock_a);
    std::lock_guard b(lock_b);
    return 0;
  }
  return descend(levels - 1) + 1;
}

[[gnu::noinline]] int descend_holding(int levels) {
  if (levels == 0) return 0;
  std::lock_guard again(every_level);
  std::lock_guard mine(of_level[levels - 1]);
  return descend_holding(levels - 1) + 1;
}

void* on_a_small_stack(void* result) {
  std::lock_guard a(lock_a);
  std::lock_guard b(lock_b);
  *static_cast<int*>(result) = 1;
  return nullptr;
}

int main() {
  std::printf("depth %d\n", descend(20'000));
  std::printf("depth with a lock per level %d\n", descend_holding(2'000));
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN)));
  int ran = 0;
  pthread_t thread;
  const int created = pthread_create(&thread, &attr, on_a_small_stack, &ran);
  if (created == 0) pthread_join(thread, nullptr);
  std::printf("smallest stack: created %d, ran %d\n", created, ran);
}
