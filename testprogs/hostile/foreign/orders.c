// Two threads take two mutexes in both orders, in turns; then the other lock functions once each. Built in
// ways a preload does not expect: for another libc, static, with sanitizers. Prints what it did.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;

static void* first_thread(void* unused) {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_lock(&lock_b);
  pthread_mutex_unlock(&lock_b);
  pthread_mutex_unlock(&lock_a);
  return unused;
}

static void* second_thread(void* unused) {
  pthread_mutex_lock(&lock_b);
  pthread_mutex_lock(&lock_a);
  pthread_mutex_unlock(&lock_a);
  pthread_mutex_unlock(&lock_b);
  return unused;
}

static void* waiting_thread(void* unused) {
  pthread_mutex_lock(&lock_a);
  for (;;) pthread_cond_wait(&changed, &lock_a);
  return unused;
}

// Releases the mutex that a cancelled condition wait has taken again.
static void release(void* mutex) {
  printf("cancelled, releases: %d\n", pthread_mutex_unlock(mutex));
}

static void* cancelled_thread(void* unused) {
  pthread_cleanup_push(release, &lock_a);
  waiting_thread(unused);
  pthread_cleanup_pop(0);
  return unused;
}

static void run(void* (*routine)(void*)) {
  pthread_t thread;
  pthread_create(&thread, NULL, routine, NULL);
  if (routine == cancelled_thread) pthread_cancel(thread);
  pthread_join(thread, NULL);
}

int main(void) {
  run(first_thread);
  run(second_thread);
  run(cancelled_thread);
  pthread_rwlock_rdlock(&table);
  printf("write while reading: %d\n", pthread_rwlock_trywrlock(&table) == EBUSY);
  pthread_rwlock_unlock(&table);
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_lock(&spin);
  printf("spin: %d\n", pthread_spin_trylock(&spin) == EBUSY);
  pthread_spin_unlock(&spin);
  const struct timespec past = {0, 0};
  pthread_mutex_lock(&lock_a);
  printf("timed wait: %d\n", pthread_cond_timedwait(&changed, &lock_a, &past) == ETIMEDOUT);
  pthread_mutex_unlock(&lock_a);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    first_thread(NULL);
    _exit(4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child: %d\n", WEXITSTATUS(status));
  return 3;
}
