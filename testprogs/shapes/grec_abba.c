/* AB and BA over GLib's recursive mutexes, the first taken twice. An argument: both orders are AB. */
#include <glib.h>
#include <semaphore.h>

static GRecMutex lock_a;
static GRecMutex lock_b;
static sem_t first_done;

static gpointer first_thread(gpointer unused) {
  g_rec_mutex_lock(&lock_a);
  g_rec_mutex_lock(&lock_a);
  g_rec_mutex_lock(&lock_b);
  g_rec_mutex_unlock(&lock_b);
  g_rec_mutex_unlock(&lock_a);
  g_rec_mutex_unlock(&lock_a);
  sem_post(&first_done);
  return unused;
}

static gpointer second_thread(gpointer ranked) {
  sem_wait(&first_done);
  g_rec_mutex_lock(ranked ? &lock_a : &lock_b);
  g_rec_mutex_lock(ranked ? &lock_b : &lock_a);
  g_rec_mutex_unlock(ranked ? &lock_b : &lock_a);
  g_rec_mutex_unlock(ranked ? &lock_a : &lock_b);
  return NULL;
}

int main(int argc, char** argv) {
  GThread* first;
  GThread* second;
  sem_init(&first_done, 0, 0);
  first = g_thread_new("first", first_thread, NULL);
  second = g_thread_new("second", second_thread, argc > 1 ? argv[1] : NULL);
  g_thread_join(first);
  g_thread_join(second);
  return 0;
}
