// One source, two plugins: they differ in nothing but the name of a function, so that either fits where the
// other was. LOCKED_WORK is that name.
#include <pthread.h>

extern "C" [[gnu::noinline]] void LOCKED_WORK(pthread_mutex_t* outer, pthread_mutex_t* inner) {
  pthread_mutex_lock(outer);
  pthread_mutex_lock(inner);
  pthread_mutex_unlock(inner);
  pthread_mutex_unlock(outer);
}

extern "C" void locked_work(pthread_mutex_t* outer, pthread_mutex_t* inner) {
  LOCKED_WORK(outer, inner);
}
