#include "stress_worker.h"

#include <dlfcn.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>

void check(bool good, const char* what, long value) {
  if (good) return;
  ++failures;
  std::fprintf(stderr, "stress: %s (%ld)\n", what, value);
}

namespace {

timespec from_now(std::chrono::nanoseconds time) {
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  const auto sum = std::chrono::nanoseconds(until.tv_nsec) + time;
  until.tv_sec += sum / std::chrono::seconds(1);
  until.tv_nsec = (sum % std::chrono::seconds(1)).count();
  return until;
}

}  // namespace

void Worker::count(unsigned mutex) {
  ++under_mutex[mutex];
  ++tally_.under_mutex[mutex];
}

void Worker::two_mutexes() {
  const unsigned first = below(kMutexes - 1);
  const unsigned second = first + 1 + below(kMutexes - 1 - first);
  check(pthread_mutex_lock(&mutexes[first]) == 0, "lock failed");
  check(pthread_mutex_lock(&mutexes[second]) == 0, "second lock failed");
  count(first);
  count(second);
  // In the order of locking, or against it.
  const bool crossed = below(2) == 0;
  check(pthread_mutex_unlock(&mutexes[crossed ? first : second]) == 0, "unlock failed");
  check(pthread_mutex_unlock(&mutexes[crossed ? second : first]) == 0, "second unlock failed");
}

void Worker::tried_mutex() {
  const unsigned i = below(kMutexes);
  const int result = pthread_mutex_trylock(&mutexes[i]);
  check(result == 0 || result == EBUSY, "trylock gave", result);
  if (result != 0) return;
  count(i);
  pthread_mutex_unlock(&mutexes[i]);
}

void Worker::timed_mutex() {
  const unsigned i = below(kMutexes);
  const timespec until = from_now(std::chrono::microseconds(below(200)));
  const int result = pthread_mutex_timedlock(&mutexes[i], &until);
  check(result == 0 || result == ETIMEDOUT, "timedlock gave", result);
  if (result != 0) return;
  count(i);
  pthread_mutex_unlock(&mutexes[i]);
}

// A recursive mutex taken twice, an errorcheck one refused the second time.
void Worker::again() {
  const unsigned i = below(2) * 4 + 1 + below(2);
  const bool recursive = i % 4 == 1;
  pthread_mutex_lock(&mutexes[i]);
  const int result = pthread_mutex_lock(&mutexes[i]);
  check(result == (recursive ? 0 : EDEADLK), "the second lock gave", result);
  count(i);
  if (recursive) pthread_mutex_unlock(&mutexes[i]);
  pthread_mutex_unlock(&mutexes[i]);
}

void Worker::read_lock() {
  const bool timed = below(2) == 0;
  const timespec until = from_now(std::chrono::microseconds(50));
  const int result =
      timed ? pthread_rwlock_timedrdlock(&shared_lock, &until) : pthread_rwlock_rdlock(&shared_lock);
  check(result == 0 || (timed && result == ETIMEDOUT), "rdlock gave", result);
  if (result != 0) return;
  check(written[0] == written[1], "a reader saw a writer's half");
  pthread_rwlock_unlock(&shared_lock);
}

void Worker::write_lock() {
  if (below(2) == 0) {
    pthread_rwlock_wrlock(&shared_lock);
  } else if (pthread_rwlock_trywrlock(&shared_lock) != 0) {
    return;
  }
  ++written[0];
  ++written[1];
  ++tally_.written;
  pthread_rwlock_unlock(&shared_lock);
}

// Puts into a queue that holds few, or takes from it; waits for room no longer than a moment.
void Worker::queue() {
  const long change = below(2) == 0 ? 1 : -1;
  const auto possible = [&] { return queued + change >= 0 && queued + change <= 3; };
  const timespec until = from_now(std::chrono::microseconds(300));
  pthread_mutex_lock(&queue_lock);
  for (int result = 0; !possible() && result == 0;) {
    result = pthread_cond_timedwait(&queue_changed, &queue_lock, &until);
    check(result == 0 || result == ETIMEDOUT, "the condition wait gave", result);
  }
  if (possible()) {
    queued += change;
    tally_.queued += change;
    pthread_cond_signal(&queue_changed);
  }
  pthread_mutex_unlock(&queue_lock);
}

void Worker::spin_lock() {
  if (below(2) == 0) {
    pthread_spin_lock(&spin);
  } else if (pthread_spin_trylock(&spin) != 0) {
    return;
  }
  ++under_spin;
  ++tally_.under_spin;
  pthread_spin_unlock(&spin);
}

void Worker::exception() {
  static std::mutex thrown_through;
  try {
    std::lock_guard held(thrown_through);
    throw 1;
  } catch (int) {
  }
}

// Locks that live for one use, at addresses that were other locks before.
void Worker::fresh_locks() {
  const auto locks = std::make_unique<std::array<std::mutex, 3>>();
  for (std::mutex& lock : *locks) lock.lock();
  for (std::mutex& lock : *locks) lock.unlock();
}

void* Worker::two_steps(void* worker) {
  static_cast<Worker*>(worker)->two_mutexes();
  static_cast<Worker*>(worker)->write_lock();
  return worker;
}

// The new thread works on our tally while we wait for it.
void Worker::thread_for_two_steps() {
  pthread_t other;
  const int created = pthread_create(&other, nullptr, two_steps, this);
  check(created == 0, "thread creation gave", created);
  if (created != 0) return;
  void* result = nullptr;
  check(pthread_join(other, &result) == 0 && result == this, "the thread's result is lost");
}

namespace {

struct Waiter {
  bool timed;
  sem_t started;
};

void cleaned_up(void*) {
  ++cancelled_in_wait;
  pthread_mutex_unlock(&cancel_lock);
}

void* wait_for_cancellation(void* argument) {
  auto& waiter = *static_cast<Waiter*>(argument);
  const timespec far = from_now(std::chrono::hours(1));
  pthread_mutex_lock(&cancel_lock);
  pthread_cleanup_push(cleaned_up, nullptr);
  sem_post(&waiter.started);
  for (;;)
    waiter.timed ? pthread_cond_timedwait(&never, &cancel_lock, &far)
                 : pthread_cond_wait(&never, &cancel_lock);
  pthread_cleanup_pop(0);
}

}  // namespace

void Worker::cancelled_thread() {
  Waiter waiter{below(2) == 0, {}};
  sem_init(&waiter.started, 0, 0);
  pthread_t other;
  const int created = pthread_create(&other, nullptr, wait_for_cancellation, &waiter);
  check(created == 0, "thread creation gave", created);
  if (created != 0) return;
  while (sem_wait(&waiter.started) != 0) check(errno == EINTR, "sem_wait gave", errno);
  pthread_cancel(other);
  void* result = nullptr;
  pthread_join(other, &result);
  check(result == PTHREAD_CANCELED, "the thread was not cancelled");
  ++tally_.cancelled_in_wait;
  sem_destroy(&waiter.started);
}

void Worker::use_library() {
  void* const library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
  check(library != nullptr, "dlopen failed");
  if (library == nullptr) return;
  const auto work = reinterpret_cast<int (*)(int)>(dlsym(library, "locked_work"));
  check(work != nullptr && work(7) == 49, "the library's work is wrong");
  check(dlclose(library) == 0, "dlclose failed");
}

namespace {

// In the child only what no thread left behind can hold is locked.
[[noreturn]] void be_child(unsigned how, pthread_mutex_t& inherited) {
  alarm(60);
  pthread_mutex_lock(&child_locks[0]);
  pthread_mutex_lock(&child_locks[1]);
  pthread_mutex_lock(&library_lock);
  pthread_mutex_unlock(&library_lock);
  pthread_mutex_unlock(&child_locks[1]);
  pthread_mutex_unlock(&child_locks[0]);
  pthread_mutex_unlock(&inherited);
  if (how == 0) kill(getpid(), SIGKILL);
  if (how == 1) execl("/proc/self/exe", "stress", "executed", nullptr);
  _exit(static_cast<int>(40 + how));
}

}  // namespace

void Worker::fork_child() {
  const unsigned how = below(4);
  pthread_mutex_t inherited = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&inherited);
  const pid_t child = fork();
  if (child == 0) be_child(how, inherited);
  pthread_mutex_unlock(&inherited);
  check(child > 0, "fork failed", errno);
  if (child < 0) return;
  int status = 0;
  while (waitpid(child, &status, 0) < 0) check(errno == EINTR, "waitpid gave", errno);
  const bool expected = how == 0 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                 : WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(40 + how);
  check(expected, "a child ended with", status);
}

void Worker::step(unsigned which) {
  constexpr void (Worker::*steps[kSteps])() = {&Worker::two_mutexes,
                                               &Worker::tried_mutex,
                                               &Worker::timed_mutex,
                                               &Worker::again,
                                               &Worker::read_lock,
                                               &Worker::write_lock,
                                               &Worker::queue,
                                               &Worker::spin_lock,
                                               &Worker::exception,
                                               &Worker::fresh_locks,
                                               &Worker::thread_for_two_steps,
                                               &Worker::cancelled_thread,
                                               &Worker::use_library,
                                               &Worker::fork_child};
  (this->*steps[which])();
  ++taken_[which];
}

void Worker::run() {
  constexpr auto kBetweenRareSteps = std::chrono::milliseconds(8);
  constexpr unsigned weights[kSteps - kCommonSteps] = {25, 40, 20, 12, 3};  // of the rare steps, in percent
  Clock::time_point next_rare = Clock::now();
  for (Clock::time_point now; (now = Clock::now()) < end_;) {
    if (now < next_rare) {
      for (int i = 0; i < 50; ++i) step(below(kCommonSteps));
      continue;
    }
    next_rare = now + kBetweenRareSteps;
    unsigned rare = 0;
    for (unsigned left = below(100); left >= weights[rare]; ++rare) left -= weights[rare];
    step(kCommonSteps + rare);
  }
}

void Worker::start(unsigned seed, Clock::time_point end) {
  random_.seed(seed);
  end_ = end;
  const auto run_worker = [](void* worker) -> void* {
    static_cast<Worker*>(worker)->run();
    return nullptr;
  };
  check(pthread_create(&thread_, nullptr, run_worker, this) == 0, "no thread");
}
