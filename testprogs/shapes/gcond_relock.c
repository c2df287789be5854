/* A wait on a GCond gives state_lock up and takes it again while the waiter holds queue_lock; elsewhere
 * queue_lock is taken under state_lock. An argument: the waiter does not hold it. */
#include <glib.h>
#include <semaphore.h>

static GMutex queue_lock;
static GMutex state_lock;
static GCond has_changed;
static gboolean has_work = FALSE;
static sem_t waiter_started;
static sem_t waiter_done;

static gpointer waiter(gpointer alone) {
  gboolean holds_queue = FALSE;
  g_mutex_lock(&state_lock);
  if (!alone) holds_queue = g_mutex_trylock(&queue_lock);
  sem_post(&waiter_started);
  while (!has_work) g_cond_wait(&has_changed, &state_lock);
  if (holds_queue) g_mutex_unlock(&queue_lock);
  g_mutex_unlock(&state_lock);
  sem_post(&waiter_done);
  return NULL;
}

static gpointer submitter(gpointer unused) {
  sem_wait(&waiter_started);
  g_mutex_lock(&state_lock);
  has_work = TRUE;
  g_cond_signal(&has_changed);
  g_mutex_unlock(&state_lock);
  sem_wait(&waiter_done);
  g_mutex_lock(&state_lock);
  g_mutex_lock(&queue_lock);
  g_mutex_unlock(&queue_lock);
  g_mutex_unlock(&state_lock);
  return unused;
}

int main(int argc, char** argv) {
  GThread* waiting;
  GThread* submitting;
  sem_init(&waiter_started, 0, 0);
  sem_init(&waiter_done, 0, 0);
  waiting = g_thread_new("waiter", waiter, argc > 1 ? argv[1] : NULL);
  submitting = g_thread_new("submitter", submitter, NULL);
  g_thread_join(waiting);
  g_thread_join(submitting);
  return 0;
}
