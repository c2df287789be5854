/* A program without GLib loads a plugin that is linked with it, for the plugin alone; two threads take the
 * plugin's locks in both orders. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static void (*forwards)(void);
static void (*backwards)(void);
static sem_t first_done;

static void* first_thread(void* unused) {
  forwards();
  sem_post(&first_done);
  return unused;
}

static void* second_thread(void* unused) {
  sem_wait(&first_done);
  backwards();
  return unused;
}

int main(void) {
  pthread_t first, second;
  void* plugin = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!plugin) return 1;
  *(void**)&forwards = dlsym(plugin, "take_forwards");
  *(void**)&backwards = dlsym(plugin, "take_backwards");
  sem_init(&first_done, 0, 0);
  pthread_create(&first, NULL, first_thread, NULL);
  pthread_create(&second, NULL, second_thread, NULL);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
  return 0;
}
