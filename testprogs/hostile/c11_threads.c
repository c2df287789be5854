/* The C11 names of the same things: mtx_lock, cnd_wait, thrd_create, and what they return. */
#include <stdio.h>
#include <threads.h>
#include <time.h>

static mtx_t lock_a, lock_b, timed;
static cnd_t ready_changed;
static int ready;

static int partner(void* unused) {
  (void)unused;
  mtx_lock(&lock_a);
  mtx_lock(&lock_b);
  ready = 1;
  cnd_signal(&ready_changed);
  mtx_unlock(&lock_b);
  mtx_unlock(&lock_a);
  return 23;
}

int main(void) {
  mtx_init(&lock_a, mtx_plain);
  mtx_init(&lock_b, mtx_plain | mtx_recursive);
  mtx_init(&timed, mtx_timed);
  cnd_init(&ready_changed);
  thrd_t thread;
  int result = 0;
  printf("create %d\n", thrd_create(&thread, partner, NULL) == thrd_success);
  mtx_lock(&lock_a);
  while (!ready) cnd_wait(&ready_changed, &lock_a);
  mtx_unlock(&lock_a);
  printf("join %d", thrd_join(thread, &result) == thrd_success);
  printf(" with %d\n", result);
  mtx_lock(&timed);
  printf("try %d\n", mtx_trylock(&timed) == thrd_busy);
  struct timespec limit;
  timespec_get(&limit, TIME_UTC);
  printf("timed %d\n", mtx_timedlock(&timed, &limit) == thrd_timedout);
  printf("unlock %d\n", mtx_unlock(&timed) == thrd_success);
  mtx_destroy(&lock_a);
  return 0;
}
