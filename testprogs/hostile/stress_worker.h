// What the threads of stress share, and one of them.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>

constexpr int kThreads = 4;
constexpr int kMutexes = 8;

// In the order in which they are taken.
inline pthread_mutex_t mutexes[kMutexes];  // normal, recursive, errorcheck, adaptive, and again
inline pthread_rwlock_t shared_lock = PTHREAD_RWLOCK_INITIALIZER;
inline pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
inline pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;
inline pthread_mutex_t cancel_lock = PTHREAD_MUTEX_INITIALIZER;
inline pthread_cond_t never = PTHREAD_COND_INITIALIZER;
inline pthread_spinlock_t spin;
inline pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;  // of a library with handlers for fork
inline pthread_mutex_t child_locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

// What the locks guard.
inline long under_mutex[kMutexes];
inline long written[2];
inline long queued = 0;
inline long cancelled_in_wait = 0;
inline long under_spin = 0;

// The same, by whoever did it.
struct Tally {
  std::array<long, kMutexes> under_mutex{};
  long written = 0;
  long queued = 0;
  long cancelled_in_wait = 0;
  long under_spin = 0;
};

inline const char* library_path;
inline std::atomic<int> failures{0};

// Counts a failure and tells it, unless `good`.
void check(bool good, const char* what, long value = 0);

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  // The steps: common ones, taken all the time, then rare ones.
  static constexpr unsigned kCommonSteps = 9;
  static constexpr unsigned kSteps = 14;

  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs steps in a thread of its own until `end`, in an order that `seed` gives.
  void start(unsigned seed, Clock::time_point end);
  void join() { pthread_join(thread_, nullptr); }

  // What it did; after `join`.
  const Tally& tally() const { return tally_; }
  const std::array<long, kSteps>& taken() const { return taken_; }

 private:
  // Common.
  void two_mutexes();
  void tried_mutex();
  void timed_mutex();
  void again();
  void read_lock();
  void write_lock();
  void queue();
  void spin_lock();
  void exception();
  // Rare.
  void fresh_locks();
  void thread_for_two_steps();
  void cancelled_thread();
  void use_library();
  void fork_child();

  static void* two_steps(void* worker);
  void run();
  void step(unsigned which);
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  void count(unsigned mutex);

  std::mt19937 random_;
  Clock::time_point end_;
  Tally tally_;
  std::array<long, kSteps> taken_{};
  pthread_t thread_{};
};
