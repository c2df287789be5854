// AB and BA, all read, and a thread for each lock that writes it and holds nothing else: each inner read can
// queue behind a writer, which waits for the other's outer read.
#include "fair_readers.h"

void update(pthread_rwlock_t* lock) {
  pthread_rwlock_wrlock(lock);
  pthread_rwlock_unlock(lock);
}

int main() {
  init_fair(&lock_a);
  init_fair(&lock_b);
  std::thread first(first_reader);
  std::thread second(second_reader);
  std::thread third(update, &lock_a);
  std::thread fourth(update, &lock_b);
  first.join();
  second.join();
  third.join();
  fourth.join();
}
