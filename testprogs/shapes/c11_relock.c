/* A C11 condition wait takes its lock again under another one; elsewhere they are taken the other way round.
   With an argument that other lock is given up before the wait. */
#include <stddef.h>
#include <threads.h>
#include <time.h>

static mtx_t state_lock, queue_lock;
static cnd_t changed;

static int submitter(void* unused) {
  (void)unused;
  mtx_lock(&state_lock);
  mtx_lock(&queue_lock);
  mtx_unlock(&queue_lock);
  mtx_unlock(&state_lock);
  return 0;
}

/* Nobody notifies: the wait ends by its time limit, with the lock taken again. */
static void wait_a_moment(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  cnd_timedwait(&changed, &state_lock, &now);
}

static int waiter(void* unused) {
  (void)unused;
  mtx_lock(&state_lock);
  mtx_lock(&queue_lock);
  wait_a_moment();
  mtx_unlock(&queue_lock);
  mtx_unlock(&state_lock);
  return 0;
}

static int polite_waiter(void* unused) {
  (void)unused;
  mtx_lock(&state_lock);
  mtx_lock(&queue_lock);
  mtx_unlock(&queue_lock);
  wait_a_moment();
  mtx_unlock(&state_lock);
  return 0;
}

int main(int count, char** arguments) {
  (void)arguments;
  thrd_t first, second;
  mtx_init(&state_lock, mtx_plain);
  mtx_init(&queue_lock, mtx_plain);
  cnd_init(&changed);
  thrd_create(&first, submitter, NULL);
  thrd_create(&second, count == 2 ? polite_waiter : waiter, NULL);
  thrd_join(first, NULL);
  thrd_join(second, NULL);
  return 0;
}
