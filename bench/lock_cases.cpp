// The locks that are measured, each case as a user's program would have it (cases.h: how, and the command
// line).
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "cases.h"

namespace {

using cases::Case;
using cases::measure;
using cases::now;
using cases::park_a_thread;

double mutex_pair() {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return measure([](std::uint64_t) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
  });
}

double mutex_in_threads() {
  park_a_thread();
  return mutex_pair();
}

double trylock() {
  park_a_thread();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return measure([](std::uint64_t) {
    if (pthread_mutex_trylock(&lock) == 0) pthread_mutex_unlock(&lock);
  });
}

template <int depth>
double nested() {
  park_a_thread();
  static pthread_mutex_t locks[depth];
  for (auto& lock : locks) pthread_mutex_init(&lock, nullptr);
  return measure([](std::uint64_t) {
           for (int i = 0; i < depth; ++i) pthread_mutex_lock(&locks[i]);
           for (int i = depth; i-- > 0;) pthread_mutex_unlock(&locks[i]);
         }) /
         depth;
}

constexpr std::uint64_t kMany = 100'000;
constexpr std::uint64_t kPairs = kMany / 2;

std::vector<pthread_mutex_t>& many_mutexes() {
  static std::vector<pthread_mutex_t> locks(kMany);
  for (auto& lock : locks) pthread_mutex_init(&lock, nullptr);
  return locks;
}

// Every number below `count` (100,000 or 50,000) once per `count` calls, in an order that no prefetcher
// follows.
std::uint64_t scattered(std::uint64_t i, std::uint64_t count) {
  return i % count * 20483 % count;  // a prime, and neither count is a multiple of it
}

double random_mutex() {
  park_a_thread();
  auto& locks = many_mutexes();
  const auto operation = [&](std::uint64_t i) {
    auto& lock = locks[scattered(i, kMany)];
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
  };
  return measure(operation, kMany);
}

// Each of 50,000 outer locks has one inner lock. The first chunk visits every pair: what repeats must be
// cheap, however much there is of it.
double random_pair() {
  park_a_thread();
  auto& locks = many_mutexes();
  const auto operation = [&](std::uint64_t i) {
    const std::uint64_t pair = scattered(i, kPairs);
    pthread_mutex_lock(&locks[pair]);
    pthread_mutex_lock(&locks[pair + kPairs]);
    pthread_mutex_unlock(&locks[pair + kPairs]);
    pthread_mutex_unlock(&locks[pair]);
  };
  return measure(operation, kPairs) / 2;
}

// Every pair for the first and only time: what recording a dependency costs, not what repeating it does.
double new_pair() {
  park_a_thread();
  auto& locks = many_mutexes();
  const double start = now();
  for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
    pthread_mutex_lock(&locks[pair]);
    pthread_mutex_lock(&locks[pair + kPairs]);
    pthread_mutex_unlock(&locks[pair + kPairs]);
    pthread_mutex_unlock(&locks[pair]);
  }
  return (now() - start) / static_cast<double>(kPairs);
}

double rwlock_read() {
  park_a_thread();
  static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  return measure([](std::uint64_t) {
    pthread_rwlock_rdlock(&lock);
    pthread_rwlock_unlock(&lock);
  });
}

double rwlock_write() {
  park_a_thread();
  static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  return measure([](std::uint64_t) {
    pthread_rwlock_wrlock(&lock);
    pthread_rwlock_unlock(&lock);
  });
}

double spin() {
  park_a_thread();
  static pthread_spinlock_t lock;
  pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
  return measure([](std::uint64_t) {
    pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
  });
}

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
  const double result = measure<cases::Chunk::Median>([](std::uint64_t) { body(0); });
  stop = true;
  pthread_join(other, nullptr);
  return result;
}

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

void use_once(std::uint64_t) {
  pthread_mutex_t lock;
  pthread_mutex_init(&lock, nullptr);
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
  pthread_mutex_destroy(&lock);
}

void use_std_once(std::uint64_t) {
  std::mutex lock;
  lock.lock();
  lock.unlock();
}

pthread_mutex_t around = PTHREAD_MUTEX_INITIALIZER;

template <void (*use)(std::uint64_t)>
double per_use() {
  park_a_thread();
  return measure(use);
}

// Only the inner lock is new each time; the outer one costs what it costs in the case `mutex`.
template <void (*use)(std::uint64_t)>
double per_use_nested() {
  park_a_thread();
  return measure([](std::uint64_t i) {
    pthread_mutex_lock(&around);
    use(i);
    pthread_mutex_unlock(&around);
  });
}

constexpr Case kCases[] = {
    {"mutex-1-thread", 1, "lock and unlock, in a process that never had a second thread", mutex_pair},
    {"mutex", 1, "lock and unlock, nothing else held", mutex_in_threads},
    {"trylock", 1, "trylock and unlock", trylock},
    {"nested-2", 1, "lock and unlock, 2 held in the end", nested<2>},
    {"nested-4", 1, "lock and unlock, 4 held in the end", nested<4>},
    {"nested-8", 1, "lock and unlock, 8 held in the end", nested<8>},
    {"random", 1, "lock and unlock of one of 100,000", random_mutex},
    {"random-nested", 1, "lock and unlock, in one of 50,000 known pairs", random_pair},
    {"new-pair", 1, "two locks nested, a pair never seen before", new_pair},
    {"rwlock-read", 1, "read lock and unlock", rwlock_read},
    {"rwlock-write", 1, "write lock and unlock", rwlock_write},
    {"spin", 1, "spin lock and unlock", spin},
    {"private", 2, "lock and unlock, two threads, a lock each", private_locks},
    {"contended", 2, "lock and unlock, two threads, one lock", contended},
    {"per-use", 1, "init, lock, unlock, destroy", per_use<use_once>},
    {"per-use-nested", 1, "the same, inside another lock", per_use_nested<use_once>},
    {"std-per-use", 1, "a std::mutex on the stack, locked once", per_use<use_std_once>},
    {"std-per-use-nested", 1, "the same, inside another lock", per_use_nested<use_std_once>},
};

}  // namespace

int main(int argc, char** argv) {
  return cases::main_of(kCases, argc, argv);
}
