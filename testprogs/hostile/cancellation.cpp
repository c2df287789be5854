// Deferred cancellation in a condition wait, a timed condition wait, a join and at a test point, with cleanup
// handlers and C++ destructors on the way. A cancelled wait has its mutex again when the handlers run.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t never = PTHREAD_COND_INITIALIZER;
bool waiting = false;

struct Tracer {
  const char* name;
  ~Tracer() { std::printf("  destructor of %s\n", name); }
};

void unlock_in_cleanup(void* mutex) {
  // Called in the cancelled thread: an error-free try would mean that the wait did not take the mutex back.
  const int result = pthread_mutex_trylock(static_cast<pthread_mutex_t*>(mutex));
  std::printf("  cleanup: the mutex is %s\n", result == EBUSY ? "ours" : "not ours");
  pthread_mutex_unlock(static_cast<pthread_mutex_t*>(mutex));
}

void wait_forever(bool timed) {
  const Tracer tracer{"the waiter"};
  timespec far;
  clock_gettime(CLOCK_REALTIME, &far);
  far.tv_sec += 3600;
  pthread_mutex_lock(&lock_a);
  pthread_cleanup_push(unlock_in_cleanup, &lock_a);
  waiting = true;
  for (;;) timed ? pthread_cond_timedwait(&never, &lock_a, &far) : pthread_cond_wait(&never, &lock_a);
  pthread_cleanup_pop(0);
}

void* wait_untimed(void*) {
  wait_forever(false);
  return nullptr;
}

void* wait_timed(void*) {
  wait_forever(true);
  return nullptr;
}

void* test_point(void*) {
  const Tracer tracer{"the tester"};
  pthread_mutex_lock(&lock_b);
  pthread_cleanup_push(unlock_in_cleanup, &lock_b);
  for (;;) {
    // Locking is no cancellation point; the test is one.
    pthread_mutex_lock(&lock_a);
    waiting = true;
    pthread_mutex_unlock(&lock_a);
    pthread_testcancel();
  }
  pthread_cleanup_pop(0);
  return nullptr;
}

void* join_forever(void* sleeper) {
  const Tracer tracer{"the joiner"};
  pthread_mutex_lock(&lock_a);
  waiting = true;
  pthread_mutex_unlock(&lock_a);
  pthread_join(*static_cast<pthread_t*>(sleeper), nullptr);
  return nullptr;
}

void* sleep_forever(void*) {
  for (;;) pause();
}

void cancel_and_join(const char* what, void* (*function)(void*), void* argument) {
  std::printf("%s\n", what);
  waiting = false;
  pthread_t thread;
  pthread_create(&thread, nullptr, function, argument);
  for (bool seen = false; !seen;) {
    pthread_mutex_lock(&lock_a);
    seen = waiting;
    pthread_mutex_unlock(&lock_a);
  }
  pthread_cancel(thread);
  void* result = nullptr;
  const int joined = pthread_join(thread, &result);
  std::printf("  joined %d, cancelled %s, mutex free %d\n", joined, result == PTHREAD_CANCELED ? "yes" : "no",
              pthread_mutex_trylock(&lock_a) == 0);
  pthread_mutex_unlock(&lock_a);
}

int main() {
  cancel_and_join("condition wait", wait_untimed, nullptr);
  cancel_and_join("timed condition wait", wait_timed, nullptr);
  cancel_and_join("test point", test_point, nullptr);
  pthread_t sleeper;
  pthread_create(&sleeper, nullptr, sleep_forever, nullptr);
  cancel_and_join("join", join_forever, &sleeper);
  pthread_cancel(sleeper);
  void* result = nullptr;
  std::printf("sleeper joined %d\n", pthread_join(sleeper, &result));
}
