/* setjmp and longjmp: out of a function with its locks held, which are released afterwards, and out of a
 * signal handler. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock_b = PTHREAD_MUTEX_INITIALIZER;
static jmp_buf landing;
static sigjmp_buf signal_landing;

static void lock_and_jump(void) {
  pthread_mutex_lock(&lock_a);
  pthread_mutex_lock(&lock_b);
  longjmp(landing, 1);
}

static void on_signal(int number) {
  pthread_mutex_trylock(&lock_a);
  siglongjmp(signal_landing, number);
}

int main(void) {
  for (volatile int round = 0; round < 3; ++round) {
    if (setjmp(landing) == 0) {
      lock_and_jump();
    } else {
      printf("landed, held: %d\n",
             pthread_mutex_trylock(&lock_a) != 0 && pthread_mutex_trylock(&lock_b) != 0);
      pthread_mutex_unlock(&lock_a);
      pthread_mutex_unlock(&lock_b);
    }
  }
  signal(SIGUSR1, on_signal);
  for (volatile int round = 0; round < 3; ++round) {
    const int number = sigsetjmp(signal_landing, 1);
    if (number == 0) {
      pthread_mutex_lock(&lock_b);
      raise(SIGUSR1);
    } else {
      printf("landed from a signal: %d\n", number == SIGUSR1);
      pthread_mutex_unlock(&lock_a);
      pthread_mutex_unlock(&lock_b);
    }
  }
  return 0;
}
