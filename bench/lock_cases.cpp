// The locks that are measured, each case as a user's program would have it (cases.h: how, and the command
// line). Here the pairs of one thread on locks that stay; the other families have files of their own.
#include <pthread.h>
#include <semaphore.h>

#include <cstdint>
#include <vector>

#include "annotation_cases.h"
#include "cases.h"
#include "short_lived_cases.h"
#include "two_thread_cases.h"

namespace {

using namespace cases;

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

// The first half and the second are made in two places: two classes of locks.
std::vector<pthread_mutex_t>& many_mutexes() {
  static std::vector<pthread_mutex_t> locks(kMany);
  for (std::uint64_t i = 0; i < kPairs; ++i) pthread_mutex_init(&locks[i], nullptr);
  for (std::uint64_t i = kPairs; i < kMany; ++i) pthread_mutex_init(&locks[i], nullptr);
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

// Each outer lock has one inner lock, so many places further on. The first chunk visits every pair: what
// repeats must be cheap, however much there is of it.
template <std::uint64_t distance>
double random_pair() {
  park_a_thread();
  auto& locks = many_mutexes();
  const auto operation = [&](std::uint64_t i) {
    const std::uint64_t outer = scattered(i, distance);
    pthread_mutex_lock(&locks[outer]);
    pthread_mutex_lock(&locks[outer + distance]);
    pthread_mutex_unlock(&locks[outer + distance]);
    pthread_mutex_unlock(&locks[outer]);
  };
  return measure(operation, distance) / 2;
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

template <int type>
double mutex_of_type() {
  park_a_thread();
  static pthread_mutex_t lock;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutex_init(&lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return measure([](std::uint64_t) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
  });
}

double relock() {
  park_a_thread();
  static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  pthread_mutex_lock(&lock);
  const double result = measure([](std::uint64_t) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
  });
  pthread_mutex_unlock(&lock);
  return result;
}

double timedlock() {
  park_a_thread();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static constexpr timespec kNeverReached = {.tv_sec = 1L << 40, .tv_nsec = 0};
  return measure([](std::uint64_t) {
    if (pthread_mutex_timedlock(&lock, &kNeverReached) == 0) pthread_mutex_unlock(&lock);
  });
}

// Eight multiplications, each of the one before: 24 cycles on every x86-64 of the last 15 years, as long as
// the compiler is kept from folding them into one.
void work() {
  std::uint64_t x = 3;
  for (int i = 0; i < 8; ++i) {
    x *= 0x9e3779b97f4a7c15;
    asm volatile("" : "+r"(x));
  }
}

double mutex_with_work() {
  park_a_thread();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  return measure([](std::uint64_t) {
    pthread_mutex_lock(&lock);
    work();
    pthread_mutex_unlock(&lock);
    work();
  });
}

double semaphore() {
  park_a_thread();
  static sem_t tokens;
  sem_init(&tokens, 0, 1);
  return measure([](std::uint64_t) {
    sem_wait(&tokens);
    sem_post(&tokens);
  });
}

double once_done() {
  park_a_thread();
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  return measure([](std::uint64_t) { pthread_once(&once, [] {}); });
}

// The goals, for the median over the rounds: what a program may feel.
constexpr double kPair = 1.15;
constexpr double kSpin = 1.35;
constexpr double kPerUse = 1.3;
constexpr double kOneThread = 1.25;

constexpr Case kCases[] = {
    {"mutex-1-thread", 1, kOneThread, "lock and unlock, in a process that never had a second thread",
     mutex_pair},
    {"mutex", 1, kPair, "lock and unlock, nothing else held", mutex_in_threads},
    {"mutex-work", 1, kPair, "the same, with 24 cycles of work inside and 24 outside", mutex_with_work},
    {"nested-2", 1, kPair, "lock and unlock, 2 held in the end", nested<2>},
    {"nested-4", 1, kPair, "lock and unlock, 4 held in the end", nested<4>},
    {"nested-8", 1, kPair, "lock and unlock, 8 held in the end", nested<8>},
    {"random", 1, kPair, "lock and unlock of one of 100,000", random_mutex},
    {"random-nested", 1, kPair, "lock and unlock, in one of 50,000 known pairs", random_pair<kPairs>},
    {"random-siblings", 1, kNoGoal, "the same, 25,000 pairs of one class", random_pair<kPairs / 2>},
    {"new-pair", 1, kNoGoal, "two locks nested, a pair never seen before", new_pair},
    {"private", 2, kPair, "lock and unlock, two threads, a lock each", private_locks},
    {"contended", 2, kWithinNoise, "lock and unlock, two threads, one lock", contended},
    {"rwlock-read", 1, kPair, "read lock and unlock", rwlock_read},
    {"rwlock-write", 1, kPair, "write lock and unlock", rwlock_write},
    {"spin", 1, kSpin, "spin lock and unlock", spin},
    {"per-use", 1, kPerUse, "init, lock, unlock, destroy", per_use},
    {"per-use-nested", 1, kPerUse, "the same, inside another lock", per_use_nested},
    {"std-per-use", 1, kPerUse, "a std::mutex on the stack, locked once", std_per_use},
    {"std-per-use-nested", 1, kPerUse, "the same, inside another lock", std_per_use_nested},
    {"trylock", 1, kNoGoal, "trylock and unlock", trylock},
    {"timedlock", 1, kNoGoal, "timed lock and unlock", timedlock},
    {"recursive", 1, kNoGoal, "lock and unlock of a recursive mutex", mutex_of_type<PTHREAD_MUTEX_RECURSIVE>},
    {"recursive-relock", 1, kNoGoal, "the same, by the thread that holds it", relock},
    {"errorcheck", 1, kNoGoal, "lock and unlock of an error-checking mutex",
     mutex_of_type<PTHREAD_MUTEX_ERRORCHECK>},
    {"semaphore", 1, kNoGoal, "take a token and give it back", semaphore},
    {"once-done", 1, kNoGoal, "pthread_once on what is done", once_done},
    {"create-join", 1, kNoGoal, "a thread that does nothing, created and joined", create_and_join},
    {"process-start", 1, kNoGoal, "a process that does nothing, started and waited for", start_process,
     Peers::None},
    {"state-read", 1, kNoGoal, "guarded state declared to be read, under a lock", state_read, Peers::None},
    {"assert-held", 1, kNoGoal, "a lock asserted to be held, which it is", assert_held, Peers::None},
};

}  // namespace

int main(int argc, char** argv) {
  return cases::main_of(kCases, argc, argv);
}
