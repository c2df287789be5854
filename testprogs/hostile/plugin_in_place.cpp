// One source, two plugins: they differ in nothing but the name of a function and the size of its frame, so
// that either fits where the other was. LOCKED_WORK is that name, ROOM that size.
#include <pthread.h>

namespace {

[[gnu::noinline]] void touch(volatile char* room) {
  *room = 1;
}

}  // namespace

extern "C" [[gnu::noinline]] void LOCKED_WORK(pthread_mutex_t* outer, pthread_mutex_t* inner) {
  volatile char room[ROOM];
  touch(room);
  pthread_mutex_lock(outer);
  pthread_mutex_lock(inner);
  pthread_mutex_unlock(inner);
  pthread_mutex_unlock(outer);
}

extern "C" void locked_work(pthread_mutex_t* outer, pthread_mutex_t* inner) {
  LOCKED_WORK(outer, inner);
}
