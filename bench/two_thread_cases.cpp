#include "two_thread_cases.h"

#include <pthread.h>

#include <atomic>

#include "cases.h"

namespace cases {
namespace {

// Two threads that each do what `pair` does for as long as the measurement of the first one lasts.
double beside_another(void (*pair)(int thread)) {
  static std::atomic<bool> stop{false};
  static void (*body)(int);
  body = pair;
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        while (!stop.load(std::memory_order_relaxed)) body(1);
        return nullptr;
      },
      nullptr);
  const double result = measure<Chunk::Median>([](std::uint64_t) { body(0); });
  stop = true;
  pthread_join(other, nullptr);
  return result;
}

}  // namespace

double private_locks() {
  struct alignas(256) Private {  // two cache lines apart: processors fetch lines in pairs
    pthread_mutex_t lock;
  };
  static Private mine[2];
  for (auto& one : mine) pthread_mutex_init(&one.lock, nullptr);
  return beside_another([](int thread) {
    pthread_mutex_lock(&mine[thread].lock);
    pthread_mutex_unlock(&mine[thread].lock);
  });
}

double contended() {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return beside_another([](int) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
  });
}

}  // namespace cases
