// An initialiser that takes a lock, and a call that would run it made under that lock, by each of the ways to
// run something once. In this run it is done already when that call comes: another run need not be so lucky.
#include <pthread.h>
#include <threads.h>

#include <cstring>
#include <mutex>
#include <stdexcept>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t posix_once = PTHREAD_ONCE_INIT;
std::once_flag std_once;
once_flag c11_once = ONCE_FLAG_INIT;
bool first_fails = true;

void initialise() {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
}

// A function's static variable asks only until it is initialised, so here the first try has to fail.
int try_to_initialise() {
  if (!first_fails) return 1;
  first_fails = false;
  initialise();
  throw std::runtime_error("the first try fails");
}

[[gnu::noinline]] int static_value() {
  static const int value = try_to_initialise();
  return value;
}

void run_once(const char* way) {
  if (std::strcmp(way, "pthread") == 0) pthread_once(&posix_once, initialise);
  if (std::strcmp(way, "std") == 0) std::call_once(std_once, initialise);
  if (std::strcmp(way, "c11") == 0) call_once(&c11_once, initialise);
  if (std::strcmp(way, "static") == 0) try {
      static_value();
    } catch (const std::runtime_error&) {
    }
}

void* first_thread(void* way) {
  run_once(static_cast<const char*>(way));
  return nullptr;
}

void* under_lock(void* way) {
  pthread_mutex_lock(&lock_a);
  run_once(static_cast<const char*>(way));
  pthread_mutex_unlock(&lock_a);
  return nullptr;
}

void* before_lock(void* way) {
  run_once(static_cast<const char*>(way));
  initialise();
  return nullptr;
}

// once_under_lock pthread|std|c11|static [before]
int main(int count, char** arguments) {
  pthread_t first, second;
  pthread_barrier_t initialised;
  pthread_barrier_init(&initialised, nullptr, 2);
  struct Second {
    pthread_barrier_t* initialised;
    void* (*function)(void*);
    char* way;
  } what{&initialised, count == 3 ? before_lock : under_lock, arguments[1]};
  pthread_create(
      &second, nullptr,
      [](void* argument) {
        auto* its = static_cast<Second*>(argument);
        pthread_barrier_wait(its->initialised);
        return its->function(its->way);
      },
      &what);
  pthread_create(&first, nullptr, first_thread, arguments[1]);
  pthread_join(first, nullptr);
  pthread_barrier_wait(&initialised);
  pthread_join(second, nullptr);
}
