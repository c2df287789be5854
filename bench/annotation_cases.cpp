#include "annotation_cases.h"

#include <faultline/annotate.h>

#include <cstdint>
#include <thread>

#include "cases.h"

namespace cases {
namespace {

pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
int state;

void use_state() {
  faultline_state_read(&state, "cache_size");
}

// Nothing is recorded of state that only one thread has touched.
void share_state() {
  use_state();
  std::thread(use_state).join();
}

template <class Operation>
double under_lock(Operation operation) {
  pthread_mutex_lock(&guard);
  const double cost = measure(operation);
  pthread_mutex_unlock(&guard);
  return cost;
}

}  // namespace

double state_read() {
  share_state();
  return under_lock([](std::uint64_t) { use_state(); });
}

double assert_held() {
  park_a_thread();
  return under_lock([](std::uint64_t) { faultline_assert_held(&guard, FAULTLINE_EXCLUSIVE); });
}

}  // namespace cases
