/* What C11's functions return where something other than success is due, that a thread's result is an int,
   and that errno stays as it was. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>

static mtx_t plain, timed, recursive;
static cnd_t never;
static int errno_touched;

static void show(const char* what, int result) {
  const char* names[] = {"success", "busy", "error", "nomem", "timedout"};
  errno_touched += errno != 4711;
  printf("%-44s %s\n", what, result >= 0 && result < 5 ? names[result] : "?");
  errno = 4711;
}

static struct timespec soon(void) {
  struct timespec limit;
  timespec_get(&limit, TIME_UTC);
  limit.tv_nsec += 5000000;
  if (limit.tv_nsec >= 1000000000) {
    limit.tv_nsec -= 1000000000;
    ++limit.tv_sec;
  }
  return limit;
}

static int returns_negative(void* unused) {
  (void)unused;
  return INT32_MIN;
}

static int exits(void* unused) {
  (void)unused;
  thrd_exit(-23);
}

static int finds_it_busy(void* unused) {
  (void)unused;
  errno = 4711;
  show("try, elsewhere", mtx_trylock(&timed));
  const struct timespec limit = soon();
  show("timed lock, elsewhere", mtx_timedlock(&timed, &limit));
  const struct timespec wrong = {.tv_sec = 0, .tv_nsec = 2000000000};
  show("timed lock with a wrong time, elsewhere", mtx_timedlock(&timed, &wrong));
  return 1;
}

static int is_detached(void* done) {
  mtx_lock(&plain);
  cnd_signal(done);
  mtx_unlock(&plain);
  return 0;
}

static void threads(void) {
  thrd_t thread;
  int result = 0;
  show("create", thrd_create(&thread, returns_negative, NULL));
  show("join", thrd_join(thread, &result));
  printf("returned INT32_MIN: %d\n", result == INT32_MIN);
  show("create", thrd_create(&thread, exits, NULL));
  show("join", thrd_join(thread, &result));
  printf("exited with -23: %d\n", result == -23);
  show("join itself", thrd_join(thrd_current(), NULL));
  cnd_t done;
  cnd_init(&done);
  mtx_lock(&plain);
  show("create", thrd_create(&thread, is_detached, &done));
  show("detach", thrd_detach(thread));
  show("wait", cnd_wait(&done, &plain));
  mtx_unlock(&plain);
}

static void locks(void) {
  thrd_t thread;
  show("init", mtx_init(&plain, mtx_plain));
  show("init", mtx_init(&timed, mtx_timed));
  show("init", mtx_init(&recursive, mtx_recursive | mtx_timed));
  mtx_t wrong;
  show("init of a wrong type", mtx_init(&wrong, 99));
  show("lock", mtx_lock(&timed));
  show("try again", mtx_trylock(&timed));
  thrd_create(&thread, finds_it_busy, NULL);
  thrd_join(thread, NULL);
  errno = 4711;
  show("unlock", mtx_unlock(&timed));
  show("lock, recursive", mtx_lock(&recursive));
  show("lock again", mtx_lock(&recursive));
  show("try again", mtx_trylock(&recursive));
  const struct timespec limit = soon();
  show("timed lock again", mtx_timedlock(&recursive, &limit));
  for (int i = 0; i < 4; ++i) show("unlock", mtx_unlock(&recursive));
  show("lock", mtx_lock(&plain));
  show("timed wait", cnd_timedwait(&never, &plain, &limit));
  show("the lock is ours again", mtx_trylock(&plain));
  show("unlock", mtx_unlock(&plain));
  mtx_destroy(&recursive);
  mtx_destroy(&timed);
}

int main(void) {
  errno = 4711;
  cnd_init(&never);
  locks();
  threads();
  printf("errno touched %d times\n", errno_touched);
  return 0;
}
