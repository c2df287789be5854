/* AB and BA over GLib's mutexes. An argument: the second order is taken by a try. */
#include <glib.h>

static GMutex lock_a;
static GMutex lock_b;
static GMutex state_lock;
static GCond state_changed;
static gboolean first_is_done = FALSE;

static gpointer first_thread(gpointer unused) {
  g_mutex_lock(&lock_a);
  g_mutex_lock(&lock_b);
  g_mutex_unlock(&lock_b);
  g_mutex_unlock(&lock_a);
  g_mutex_lock(&state_lock);
  first_is_done = TRUE;
  g_cond_signal(&state_changed);
  g_mutex_unlock(&state_lock);
  return unused;
}

static gpointer second_thread(gpointer by_try) {
  g_mutex_lock(&state_lock);
  while (!first_is_done) g_cond_wait(&state_changed, &state_lock);
  g_mutex_unlock(&state_lock);
  g_mutex_lock(&lock_b);
  if (!by_try) {
    g_mutex_lock(&lock_a);
    g_mutex_unlock(&lock_a);
  } else if (g_mutex_trylock(&lock_a)) {
    g_mutex_unlock(&lock_a);
  }
  g_mutex_unlock(&lock_b);
  return NULL;
}

int main(int argc, char** argv) {
  GThread* first = g_thread_new("first", first_thread, NULL);
  GThread* second = g_thread_new("second", second_thread, argc > 1 ? argv[1] : NULL);
  g_thread_join(first);
  g_thread_join(second);
  return 0;
}
