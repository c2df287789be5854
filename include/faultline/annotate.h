/*
 * Faultline's annotations: a program tells the lock-order validator what it cannot see.
 *
 * Header only, C and C++, no library to link. Where the shim is not preloaded every call is one load and one
 * predictable branch. Calls may be made from any thread, at any time, before or after the lock is first used;
 * they return nothing, change nothing in the program and keep no pointer to their arguments (names are
 * copied).
 *
 *   pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
 *   faultline_name_mutex(&m, "inode_lock");      // reports say inode_lock, and its class is "inode_lock"
 *   faultline_mmap_lock_rwlock(&mm->lock);       // this program's own mmap_lock: page faults take it, shared
 */
#ifndef FAULTLINE_ANNOTATE_H
#define FAULTLINE_ANNOTATE_H

#include <pthread.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of lock object an annotation can speak of; the values are part of the ABI. */
enum faultline_lock_kind { FAULTLINE_MUTEX = 1, FAULTLINE_RWLOCK = 2, FAULTLINE_SPIN = 3 };

/* What the shim exports under the name "faultline_annotations"; found with dlsym, so nothing links against
 * it. The table only grows at its end; `version` counts the entries' generation. */
struct faultline_annotations {
  unsigned version;
  void (*name_lock)(const volatile void* lock, int kind, const char* name);
  void (*mmap_lock)(const volatile void* lock, int kind);
};

/* Weak: a static binary without dlsym links and runs, with annotations that do nothing. */
extern void* dlsym(void* handle, const char* symbol) __attribute__((weak));

/* The shim's table, or NULL where the shim is absent. Looked up once per translation unit. */
static inline const struct faultline_annotations* faultline_annotations_get(void) {
  static const struct faultline_annotations* cached = (const struct faultline_annotations*)1;
  const struct faultline_annotations* table = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (__builtin_expect(table == (const struct faultline_annotations*)1, 0)) {
    table = dlsym ? (const struct faultline_annotations*)dlsym((void*)0 /* RTLD_DEFAULT */,
                                                               "faultline_annotations")
                  : NULL;
    __atomic_store_n(&cached, table, __ATOMIC_RELAXED);
  }
  return table;
}

/* Names one lock. Locks of the same name form one class. At most 63 bytes of `name` are kept. */
static inline void faultline_name_mutex(const pthread_mutex_t* lock, const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock(lock, FAULTLINE_MUTEX, name);
}
static inline void faultline_name_rwlock(const pthread_rwlock_t* lock, const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock(lock, FAULTLINE_RWLOCK, name);
}
static inline void faultline_name_spin(const volatile pthread_spinlock_t* lock, const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock((const volatile void*)lock, FAULTLINE_SPIN, name);
}

/* Declares the lock that plays the part of the kernel's mmap_lock in this program (a test file system, a
 * user-space pager): a page fault served through userfaultfd then takes it, shared, on behalf of the faulting
 * thread. One per process, the last one counts. */
static inline void faultline_mmap_lock_rwlock(const pthread_rwlock_t* lock) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->mmap_lock(lock, FAULTLINE_RWLOCK);
}
static inline void faultline_mmap_lock_mutex(const pthread_mutex_t* lock) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->mmap_lock(lock, FAULTLINE_MUTEX);
}

#ifdef __cplusplus
} /* extern "C" */

namespace faultline {
namespace detail {
inline void name(pthread_mutex_t* lock, const char* text) {
  faultline_name_mutex(lock, text);
}
inline void name(pthread_rwlock_t* lock, const char* text) {
  faultline_name_rwlock(lock, text);
}
}  // namespace detail

/* Names a std lock, or any other with native_handle() (std::mutex, std::recursive_mutex, std::timed_mutex,
 * std::shared_mutex). */
template <class Lock>
inline auto name_lock(Lock& lock, const char* text) -> decltype(lock.native_handle(), void()) {
  detail::name(lock.native_handle(), text);
}
}  // namespace faultline
#endif

#endif /* FAULTLINE_ANNOTATE_H */
