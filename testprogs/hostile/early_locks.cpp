// Locks before any constructor of the program: while it is relocated (the resolver of an indirect function),
// in .preinit_array, in the constructor of a library that is initialised first, and in a thread that this
// constructor makes; then the same locks in main.
#include <pthread.h>

#include <cstdio>

extern pthread_mutex_t library_lock_a;
extern pthread_mutex_t library_lock_b;
extern int library_rounds;
extern "C" void library_is_ready();

namespace {

int preinit_rounds = 0;
pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER;

// .preinit_array comes before the library's constructor.
void lock_both() {
  pthread_mutex_lock(&library_lock_a);
  pthread_mutex_lock(&library_lock_b);
  ++preinit_rounds;
  pthread_mutex_unlock(&library_lock_b);
  pthread_mutex_unlock(&library_lock_a);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const preinit)() = lock_both;

int chosen_function() {
  return pthread_mutex_trylock(&resolver_lock);
}

}  // namespace

extern "C" {
static int (*resolve_indirect())() {
  pthread_mutex_lock(&resolver_lock);
  pthread_mutex_unlock(&resolver_lock);
  return chosen_function;
}
int indirect() __attribute__((ifunc("resolve_indirect")));
}

int main() {
  library_is_ready();
  lock_both();
  std::printf("indirect function %d\n", indirect());
  std::printf("before main %d and %d\n", preinit_rounds - 1, library_rounds);
}
