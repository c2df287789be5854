#include "sys/libc_locks.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include "real.h"

// Another libc has none, and is never inlined.
#pragma weak gnu_get_libc_version

namespace faultline::libc {

constinit int inlined_mutex_kinds = -1;
constinit bool inlines_others = false;

namespace {

// "2.36" is known; a later one may lock in another way.
bool is_known_version(const char* version) {
  if (version[0] != '2' || version[1] != '.') return false;
  int minor = 0;
  for (const char* c = version + 2; *c >= '0' && *c <= '9'; ++c) minor = minor * 10 + (*c - '0');
  return minor >= 34 && minor <= 41;
}

// Another preload that stands between us and libc wants to see the calls.
bool is_libcs(const void* function) {
  Dl_info where{};
  Dl_info libc{};
  return dladdr(function, &where) != 0 &&
         dladdr(reinterpret_cast<const void*>(&gnu_get_libc_version), &libc) != 0 &&
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
  if (!wanted || &gnu_get_libc_version == nullptr || !is_known_version(gnu_get_libc_version())) return;
  if (are_libcs(real::pthread_mutex_lock, real::pthread_mutex_unlock, real::pthread_mutex_trylock) &&
      !elides_locks())
    inlined_mutex_kinds = PTHREAD_MUTEX_RECURSIVE_NP;
  inlines_others = are_libcs(real::pthread_rwlock_rdlock, real::pthread_rwlock_wrlock,
                             real::pthread_rwlock_unlock, real::pthread_spin_lock, real::pthread_spin_unlock);
}

}  // namespace faultline::libc
