#include "sys/libc_locks.h"

#include "real.h"
#include "sys/libc_version.h"

namespace faultline::libc {

constinit int inlined_mutex_kinds = -1;
constinit bool inlines_others = false;

namespace {

// Another preload that stands between us and libc wants to see the calls.
bool is_libcs(const void* function) {
  Dl_info where{};
  Dl_info libc{};
  return real::dladdr(function, &where) != 0 &&
         real::dladdr(reinterpret_cast<const void*>(&gnu_get_libc_version), &libc) != 0 &&
         where.dli_fbase == libc.dli_fbase;
}

template <class... Functions>
bool are_libcs(Functions*... functions) {
  return (is_libcs(reinterpret_cast<const void*>(functions)) && ...);
}

// Whether libc takes mutexes by transactions of the processor where it can (glibc.elision.enable): it marks
// them at their first use, and unlocks those in another way.
bool elides_locks() {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  real::pthread_mutex_lock(&mutex);
  const bool marked = mutex.__data.__kind != PTHREAD_MUTEX_TIMED_NP;
  real::pthread_mutex_unlock(&mutex);
  return marked;
}

}  // namespace

void inline_lock_functions(bool wanted) {
  const int minor = sys::glibc_minor();
  const bool known = wanted && minor >= 34 && minor <= 41;
  const bool mutexes =
      known && are_libcs(real::pthread_mutex_lock, real::pthread_mutex_unlock, real::pthread_mutex_trylock) &&
      !elides_locks();
  inlined_mutex_kinds = mutexes ? PTHREAD_MUTEX_RECURSIVE_NP : -1;
  inlines_others =
      known && are_libcs(real::pthread_rwlock_rdlock, real::pthread_rwlock_wrlock,
                         real::pthread_rwlock_unlock, real::pthread_spin_lock, real::pthread_spin_unlock);
}

}  // namespace faultline::libc
