#include "short_lived_cases.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "cases.h"

namespace cases {
namespace {

pthread_mutex_t around = PTHREAD_MUTEX_INITIALIZER;

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

template <void (*use)(std::uint64_t)>
double each_time() {
  park_a_thread();
  return measure(use);
}

// Only the inner lock is new each time; the outer one costs what it costs in the case `mutex`. The first
// thousands are another matter: a shim may tell them apart (`new-pair` is what that costs).
template <void (*use)(std::uint64_t)>
double each_time_nested() {
  park_a_thread();
  const auto operation = [](std::uint64_t i) {
    pthread_mutex_lock(&around);
    use(i);
    pthread_mutex_unlock(&around);
  };
  constexpr std::uint64_t kFirst = 10'000;
  cases::measure(operation, kFirst);
  return measure(operation, kFirst);
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

}  // namespace

double per_use() {
  return each_time<use_once>();
}

double per_use_nested() {
  return each_time_nested<use_once>();
}

double std_per_use() {
  return each_time<use_std_once>();
}

double std_per_use_nested() {
  return each_time_nested<use_std_once>();
}

double create_and_join() {
  return measure(
      [](std::uint64_t) {
        pthread_t thread;
        const auto nothing = [](void*) -> void* { return nullptr; };
        if (pthread_create(&thread, nullptr, nothing, nullptr) != 0) give_up("pthread_create");
        pthread_join(thread, nullptr);
      },
      1);
}

double start_process() {
  return measure(
      [](std::uint64_t) {
        static char name[] = "/bin/true";
        char* arguments[] = {name, nullptr};
        pid_t child = 0;
        int status = 0;
        if (posix_spawn(&child, name, nullptr, nullptr, arguments, environ) != 0) give_up("posix_spawn");
        if (waitpid(child, &status, 0) != child || status != 0) give_up(name);
      },
      1);
}

}  // namespace cases
