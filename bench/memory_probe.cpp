// How much memory a process with two threads has resident, and how much more per lock it took.
//
//   memory_probe KIND    "AT_REST PER_LOCK", both in bytes
//
// KIND is mutex, rwlock, spin or nested: 100,000 of them are initialised, then each is taken and released
// once; nested: mutexes, each taken inside one more. AT_REST is from before. What a shared page counts for is
// its share (Pss), so the C library costs little.
#include <pthread.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <type_traits>

#include "cases.h"

namespace {

constexpr std::size_t kLocks = 100'000;

double resident_bytes() {
  std::ifstream lines("/proc/self/smaps_rollup");
  for (std::string word; lines >> word;) {
    double kibibytes = 0;
    if (word == "Pss:" && lines >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

template <class Lock, class Init, class Use>
void probe(Init init, Use use) {
  const auto locks = std::make_unique<Lock[]>(kLocks);  // zeroed: its own pages are there from the start
  const double before = resident_bytes();
  for (std::size_t i = 0; i < kLocks; ++i) init(&locks[i]);
  for (std::size_t i = 0; i < kLocks; ++i) use(&locks[i]);
  const double after = resident_bytes();
  std::printf("%.0f %.1f\n", before, (after - before) / kLocks);
}

void init_mutex(pthread_mutex_t* lock) {
  pthread_mutex_init(lock, nullptr);
}

void use_mutex(pthread_mutex_t* lock) {
  pthread_mutex_lock(lock);
  pthread_mutex_unlock(lock);
}

void use_nested(pthread_mutex_t* lock) {
  static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&outer);
  use_mutex(lock);
  pthread_mutex_unlock(&outer);
}

void init_rwlock(pthread_rwlock_t* lock) {
  pthread_rwlock_init(lock, nullptr);
}

void use_rwlock(pthread_rwlock_t* lock) {
  pthread_rwlock_wrlock(lock);
  pthread_rwlock_unlock(lock);
}

void init_spin(pthread_spinlock_t* lock) {
  pthread_spin_init(lock, PTHREAD_PROCESS_PRIVATE);
}

void use_spin(pthread_spinlock_t* lock) {
  pthread_spin_lock(lock);
  pthread_spin_unlock(lock);
}

}  // namespace

int main(int argc, char** argv) {
  cases::park_a_thread();
  const std::string kind = argc == 2 ? argv[1] : "";
  if (kind == "mutex") {
    probe<pthread_mutex_t>(init_mutex, use_mutex);
  } else if (kind == "nested") {
    probe<pthread_mutex_t>(init_mutex, use_nested);
  } else if (kind == "rwlock") {
    probe<pthread_rwlock_t>(init_rwlock, use_rwlock);
  } else if (kind == "spin") {
    probe<std::remove_volatile_t<pthread_spinlock_t>>(init_spin, use_spin);
  } else {
    std::fprintf(stderr, "usage: memory_probe mutex|rwlock|spin|nested\n");
    return 2;
  }
  return 0;
}
