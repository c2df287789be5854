// AB and BA, all read, and a thread for each lock that writes it, with a lock of its own held: each inner
// read can queue behind a writer, which waits for the other's outer read.
#include <mutex>

#include "fair_readers.h"

std::mutex writer_of_a;
std::mutex writer_of_b;

void update(pthread_rwlock_t* lock, std::mutex* writers) {
  std::lock_guard one_writer(*writers);
  pthread_rwlock_wrlock(lock);
  pthread_rwlock_unlock(lock);
}

int main() {
  init_fair(&lock_a);
  init_fair(&lock_b);
  std::thread first(first_reader);
  std::thread second(second_reader);
  std::thread third(update, &lock_a, &writer_of_a);
  std::thread fourth(update, &lock_b, &writer_of_b);
  first.join();
  second.join();
  third.join();
  fourth.join();
}
