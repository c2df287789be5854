// As fork_left_locked, but the child initialises lock_a anew before it takes it.
#include <pthread.h>

#include "left_locked.h"

pthread_mutex_t lock_a = PTHREAD_MUTEX_INITIALIZER;

void take_in_parent() {
  pthread_mutex_lock(&lock_a);
}

void take_in_child() {
  pthread_mutex_init(&lock_a, nullptr);
  pthread_mutex_lock(&lock_a);
}

int main() {
  Holder holder(take_in_parent, [] { pthread_mutex_unlock(&lock_a); });
  return in_child(take_in_child);
}
