/* The plugin of glib_later: AB and BA over its GMutexes. */
#include <glib.h>

static GMutex lock_a;
static GMutex lock_b;

void take_forwards(void);
void take_backwards(void);

void take_forwards(void) {
  g_mutex_lock(&lock_a);
  g_mutex_lock(&lock_b);
  g_mutex_unlock(&lock_b);
  g_mutex_unlock(&lock_a);
}

void take_backwards(void) {
  g_mutex_lock(&lock_b);
  g_mutex_lock(&lock_a);
  g_mutex_unlock(&lock_a);
  g_mutex_unlock(&lock_b);
}
