// AB and BA, all read. The locks prefer writers, but nobody ever writes: no reader queues.
#include "fair_readers.h"

int main() {
  init_fair(&lock_a);
  init_fair(&lock_b);
  std::thread first(first_reader);
  std::thread second(second_reader);
  first.join();
  second.join();
}
