/* AB and BA over C11 locks, in C11 threads; one of the locks is taken back by a condition wait. With an
   argument both threads take A first. */
#include <stddef.h>
#include <threads.h>

static mtx_t lock_a, lock_b;
static mtx_t turn_lock;
static cnd_t turn_changed;
static int turn;

static void wait_for_turn(int mine) {
  mtx_lock(&turn_lock);
  while (turn != mine) cnd_wait(&turn_changed, &turn_lock);
  mtx_unlock(&turn_lock);
}

static void next_turn(void) {
  mtx_lock(&turn_lock);
  ++turn;
  cnd_broadcast(&turn_changed);
  mtx_unlock(&turn_lock);
}

static int first_thread(void* unused) {
  (void)unused;
  mtx_lock(&lock_a);
  mtx_lock(&lock_b);
  mtx_unlock(&lock_b);
  mtx_unlock(&lock_a);
  next_turn();
  return 0;
}

static int second_thread(void* unused) {
  (void)unused;
  wait_for_turn(1);
  mtx_lock(&lock_b);
  mtx_lock(&lock_a);
  mtx_unlock(&lock_a);
  mtx_unlock(&lock_b);
  return 0;
}

static int ranked_thread(void* unused) {
  wait_for_turn(1);
  return first_thread(unused);
}

int main(int count, char** arguments) {
  (void)arguments;
  thrd_t first, second;
  mtx_init(&lock_a, mtx_plain);
  mtx_init(&lock_b, mtx_plain | mtx_recursive);
  mtx_init(&turn_lock, mtx_timed);
  cnd_init(&turn_changed);
  thrd_create(&second, count == 2 ? ranked_thread : second_thread, NULL);
  thrd_create(&first, first_thread, NULL);
  thrd_join(first, NULL);
  thrd_join(second, NULL);
  return 0;
}
