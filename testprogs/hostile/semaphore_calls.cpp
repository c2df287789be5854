// What semaphores and barriers return, and errno; semaphores that are used as locks and as signals, by name,
// from signal handlers, by hand-over; waits that time out, are interrupted and cancelled.
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

sem_t lock_like;
sem_t signal_like;
pthread_barrier_t barrier;

void show(const char* what, int result) {
  std::printf("%-36s %d %s\n", what, result, result == 0 ? "" : strerrorname_np(errno));
}

int value_of(sem_t& semaphore) {
  int value = -1;
  sem_getvalue(&semaphore, &value);
  return value;
}

void results(sem_t& semaphore, unsigned value) {
  const timespec past = {.tv_sec = 1, .tv_nsec = 0};
  const timespec wrong = {.tv_sec = 1, .tv_nsec = 2'000'000'000};
  show("init", sem_init(&semaphore, 0, value));
  for (unsigned i = 0; i < value; ++i) show("wait", sem_wait(&semaphore));
  show("try", sem_trywait(&semaphore));
  show("timed wait", sem_timedwait(&semaphore, &past));
  show("clock wait", sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past));
  show("clock wait on a wrong clock", sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, &past));
  show("timed wait with a wrong time", sem_timedwait(&semaphore, &wrong));
  errno = 4711;
  sem_post(&semaphore);
  sem_wait(&semaphore);
  sem_post(&semaphore);
  std::printf("errno kept: %d, value %d\n", errno == 4711, value_of(semaphore));
  std::thread([&] { show("wait elsewhere", sem_wait(&semaphore)); }).join();
  show("post of what another took", sem_post(&semaphore));
  show("post of what nobody took", sem_post(&semaphore));
  std::printf("value %d\n", value_of(semaphore));
  show("destroy", sem_destroy(&semaphore));
}

void wrong_inits() {
  sem_t semaphore;
  show("init beyond the largest value", sem_init(&semaphore, 0, 1u << 31));
  pthread_barrier_t none;
  std::printf("barrier of none: %s\n", strerrorname_np(pthread_barrier_init(&none, nullptr, 0)));
}

void by_name() {
  const std::string name = "/faultline-test-" + std::to_string(getpid());
  sem_t* semaphore = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 1);
  if (semaphore == SEM_FAILED) {
    std::printf("cannot be made: %s\n", strerrorname_np(errno));
    return;
  }
  show("wait by name", sem_wait(semaphore));
  show("try by name", sem_trywait(semaphore));
  show("post by name", sem_post(semaphore));
  show("close", sem_close(semaphore));
  show("unlink", sem_unlink(name.c_str()));
}

void post_in_handler(int) {
  sem_post(&signal_like);
}
void do_nothing(int) {}

// The handler posts what the interrupted wait, which is started again, then gets.
void posted_by_handler() {
  sem_init(&signal_like, 0, 0);
  struct sigaction action = {};
  action.sa_handler = post_in_handler;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  show("wait for the handler's post", sem_wait(&signal_like));
}

void* wait_until_interrupted(void*) {
  sem_wait(&lock_like);
  return reinterpret_cast<void*>(static_cast<long>(errno));
}

void* wait_until_cancelled(void*) {
  sem_wait(&lock_like);
  return nullptr;
}

// The main thread holds the lock; the waiter is asked again and again, as it may not wait yet.
void interrupted() {
  struct sigaction action = {};
  action.sa_handler = do_nothing;
  sigaction(SIGUSR2, &action, nullptr);
  pthread_t waiter;
  pthread_create(&waiter, nullptr, wait_until_interrupted, nullptr);
  void* result = nullptr;
  while (pthread_tryjoin_np(waiter, &result) != 0) {
    pthread_kill(waiter, SIGUSR2);
    sched_yield();
  }
  std::printf("interrupted: %s\n", strerrorname_np(static_cast<int>(reinterpret_cast<long>(result))));
}

void cancelled() {
  pthread_t waiter;
  pthread_create(&waiter, nullptr, wait_until_cancelled, nullptr);
  pthread_cancel(waiter);
  void* result = nullptr;
  pthread_join(waiter, &result);
  std::printf("cancelled: %d, value %d\n", result == PTHREAD_CANCELED, value_of(lock_like));
}

void barriers() {
  pthread_barrier_init(&barrier, nullptr, 2);
  int other = 0;
  std::thread thread([&] { other = pthread_barrier_wait(&barrier); });
  const int own = pthread_barrier_wait(&barrier);
  thread.join();
  std::printf("one of two leads: %d\n",
              (own == PTHREAD_BARRIER_SERIAL_THREAD) != (other == PTHREAD_BARRIER_SERIAL_THREAD) &&
                  own + other == PTHREAD_BARRIER_SERIAL_THREAD);
  std::printf("destroy %d\n", pthread_barrier_destroy(&barrier));
}

int main() {
  results(lock_like, 1);
  results(signal_like, 0);
  results(signal_like, 3);
  wrong_inits();
  by_name();
  posted_by_handler();
  sem_init(&lock_like, 0, 1);
  sem_wait(&lock_like);
  interrupted();
  cancelled();
  show("post", sem_post(&lock_like));
  std::printf("value %d\n", value_of(lock_like));
  barriers();
}
