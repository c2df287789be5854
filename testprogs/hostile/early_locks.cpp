// Locks before any constructor of the program: in .preinit_array, in the constructor of a library that is
// initialised first, and in a thread that this constructor makes; then the same locks in main.
#include <pthread.h>

#include <cstdio>

extern pthread_mutex_t library_lock_a;
extern pthread_mutex_t library_lock_b;
extern int library_rounds;
extern "C" void library_is_ready();

namespace {

int preinit_rounds = 0;

// .preinit_array comes before the library's constructor.
void lock_both() {
  pthread_mutex_lock(&library_lock_a);
  pthread_mutex_lock(&library_lock_b);
  ++preinit_rounds;
  pthread_mutex_unlock(&library_lock_b);
  pthread_mutex_unlock(&library_lock_a);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const preinit)() = lock_both;

}  // namespace

int main() {
  library_is_ready();
  lock_both();
  std::printf("before main %d and %d\n", preinit_rounds - 1, library_rounds);
}
