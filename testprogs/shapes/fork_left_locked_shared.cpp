// As fork_left_locked, but lock_a lies in memory that parent and child share and is made for that: the
// parent's thread releases it once the child is there.
#include <pthread.h>
#include <sys/mman.h>

#include "left_locked.h"

struct Shared {
  pthread_mutex_t lock_a;
  pthread_barrier_t child_is_there;
};

Shared* shared;

void take_in_parent() {
  pthread_mutex_lock(&shared->lock_a);
}

void take_in_child() {
  pthread_barrier_wait(&shared->child_is_there);
  pthread_mutex_lock(&shared->lock_a);
  pthread_mutex_unlock(&shared->lock_a);
}

int main() {
  shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pthread_mutexattr_t mutex_attributes;
  pthread_mutexattr_init(&mutex_attributes);
  pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->lock_a, &mutex_attributes);
  pthread_barrierattr_t barrier_attributes;
  pthread_barrierattr_init(&barrier_attributes);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared->child_is_there, &barrier_attributes, 2);

  Holder holder(take_in_parent, [] {
    pthread_barrier_wait(&shared->child_is_there);
    pthread_mutex_unlock(&shared->lock_a);
  });
  pid_t child = fork();
  if (child == 0) {
    take_in_child();
    _exit(0);
  }
  // The holder ends by itself once the child is there.
  holder.let_go();
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}
