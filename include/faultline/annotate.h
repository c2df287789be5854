/*
 * Faultline's annotations: a program tells the lock-order validator what it cannot see.
 *
 * Header only, C and C++, no library to link. Where the shim is not preloaded every call is one load and one
 * predictable branch. Calls may be made from any thread, at any time; they return nothing, change nothing in
 * the program (errno included) and keep no pointer to their arguments (names are copied, up to 63 bytes). A
 * shim older than this header ignores what it does not know.
 *
 *   pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
 *   faultline_name_mutex(&m, "inode_lock");      // reports say inode_lock, and its class is "inode_lock"
 *   faultline_mmap_lock_rwlock(&mm->lock);       // this program's own mmap_lock: page faults take it, shared
 *
 * A lock type of the program's own (a futex, a ticket lock, a lease) is declared where it is taken and given
 * up; its address is its identity, any address will do:
 *
 *   void ticket_lock(struct ticket* t) {
 *     faultline_acquire_begin(t, FAULTLINE_EXCLUSIVE);   // before the wait: it may never end
 *     ... wait ...
 *     faultline_acquired(t, FAULTLINE_EXCLUSIVE);
 *   }
 *   void ticket_unlock(struct ticket* t) { faultline_release(t); ... }
 *
 * What must be so is said where it matters; what is not so is reported, with both sides of it:
 *
 *   void set_size(struct inode* inode, long size) {
 *     faultline_assert_held(&inode->lock, FAULTLINE_EXCLUSIVE);   // whoever calls must hold this lock
 *     faultline_state_write(&inode->size, "i_size");              // some lock must keep others out: any one
 *     inode->size = size;
 *   }
 */
#ifndef FAULTLINE_ANNOTATE_H
#define FAULTLINE_ANNOTATE_H

#include <pthread.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of lock object an annotation can speak of; the values are part of the ABI. */
enum faultline_lock_kind {
  FAULTLINE_MUTEX = 1,
  FAULTLINE_RWLOCK = 2,
  FAULTLINE_SPIN = 3,
  FAULTLINE_CUSTOM = 4, /* declared by the calls below */
  FAULTLINE_GMUTEX =
      5 /* GLib's GMutex; a GRecMutex or GRWLock is a pthread lock inside and has no kind here */
};

/* How a lock of the program's own type is taken: one of the first three, and flags. */
enum faultline_mode {
  FAULTLINE_EXCLUSIVE = 0,
  FAULTLINE_SHARED = 1,      /* a reader that never waits for a waiting writer */
  FAULTLINE_SHARED_FAIR = 2, /* a reader that may queue behind a waiting writer */
  FAULTLINE_TIMED = 16,      /* the wait ends by itself */
  FAULTLINE_RECURSIVE = 32   /* whoever holds it takes it again without a wait */
};

/* The first argument is an address, not what lies there: no warning about memory that is not initialised. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define FAULTLINE_ADDRESS_ONLY __attribute__((access(none, 1)))
#else
#define FAULTLINE_ADDRESS_ONLY
#endif

/* What the shim exports under the name "faultline_annotations"; found with dlsym, so nothing links against
 * it. The table only grows at its end; `version` counts the entries' generation. */
struct faultline_annotations {
  unsigned version;
  void (*name_lock)(const volatile void* lock, int kind, const char* name);
  void (*mmap_lock)(const volatile void* lock, int kind);
  /* From version 2. */
  void (*name_class)(const volatile void* lock, int kind, const char* name);
  void (*created)(const volatile void* lock, const char* name);
  void (*destroyed)(const volatile void* lock);
  void (*acquire_begin)(const volatile void* lock, int mode);
  void (*acquired)(const volatile void* lock, int mode);
  void (*acquire_failed)(const volatile void* lock);
  void (*try_acquired)(const volatile void* lock, int mode);
  void (*release)(const volatile void* lock);
  void (*nested)(unsigned subclass);
  void (*might_fault)(const volatile void* address, size_t length);
  void (*recording)(int on);
  /* From version 3. */
  void (*assert_held)(const volatile void* lock, int mode);
  void (*assert_not_held)(const volatile void* lock);
  void (*state_read)(const volatile void* state, const char* name);
  void (*state_write)(const volatile void* state, const char* name);
  void (*state_racy_read)(const volatile void* state, const char* name);
  void (*state_created)(const volatile void* state);
  void (*token_give)(const volatile void* object, const char* name);
  void (*token_revoke)(const volatile void* object, const char* name);
  void (*token_require)(const volatile void* object, const char* name);
  void (*token_take)(const volatile void* object, const char* name);
  void (*fault_disable)(void);
  void (*fault_enable)(void);
};

/* dlsym under a name of our own, as <dlfcn.h> declares it in its own way. Weak: a static binary without it
 * links and runs, with annotations that do nothing. */
extern void* faultline_annotations_dlsym(void* handle, const char* symbol) __asm__("dlsym")
    __attribute__((weak));

/* The shim's table, or NULL where the shim is absent. Looked up once per translation unit. */
static __inline__ const struct faultline_annotations* faultline_annotations_get(void) {
  static const struct faultline_annotations* cached = (const struct faultline_annotations*)1;
  const struct faultline_annotations* table = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (__builtin_expect(table == (const struct faultline_annotations*)1, 0)) {
    table = faultline_annotations_dlsym ? (const struct faultline_annotations*)faultline_annotations_dlsym(
                                              (void*)0 /* RTLD_DEFAULT */, "faultline_annotations")
                                        : NULL;
    __atomic_store_n(&cached, table, __ATOMIC_RELAXED);
  }
  return table;
}

/* The same, or NULL where the shim does not know the calls of version 2. */
static __inline__ const struct faultline_annotations* faultline_annotations_get2(void) {
  const struct faultline_annotations* table = faultline_annotations_get();
  return table && table->version >= 2 ? table : NULL;
}

/* The same for the calls of version 3. */
static __inline__ const struct faultline_annotations* faultline_annotations_get3(void) {
  const struct faultline_annotations* table = faultline_annotations_get();
  return table && table->version >= 3 ? table : NULL;
}

/* Names one lock. Locks of the same name form one class. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_name_mutex(const pthread_mutex_t* lock,
                                                                   const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock(lock, FAULTLINE_MUTEX, name);
}
#ifdef PTHREAD_RWLOCK_INITIALIZER /* a strict C or old POSIX mode does not declare pthread_rwlock_t */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_name_rwlock(const pthread_rwlock_t* lock,
                                                                    const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock(lock, FAULTLINE_RWLOCK, name);
}
#endif
/* Of a pthread_spinlock_t, which is a volatile int. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_name_spin(const volatile int* lock,
                                                                  const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->name_lock(lock, FAULTLINE_SPIN, name);
}

/* Names the class that `lock` belongs to: this lock and all that Faultline takes for its like (initialised at
 * the same place, or one static object, or taken by the same functions) are reported as `name`. To be called
 * for any one of them, once; where two names are given to one class, the one that sorts first counts. A lock
 * with a name of its own keeps that. `kind`: enum faultline_lock_kind. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_name_class(const volatile void* lock, int kind,
                                                                   const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->name_class(lock, kind, name);
}

/* Declares the lock that plays the part of the kernel's mmap_lock in this program (a test file system, a
 * user-space pager): a page fault served through userfaultfd then takes it, shared, on behalf of the faulting
 * thread. One per process, the last one counts. */
#ifdef PTHREAD_RWLOCK_INITIALIZER
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_mmap_lock_rwlock(const pthread_rwlock_t* lock) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->mmap_lock(lock, FAULTLINE_RWLOCK);
}
#endif
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_mmap_lock_mutex(const pthread_mutex_t* lock) {
  const struct faultline_annotations* table = faultline_annotations_get();
  if (table) table->mmap_lock(lock, FAULTLINE_MUTEX);
}

/* A lock type of the program's own. `mode`: enum faultline_mode.
 *
 * created: a new lock lives at this address from here on (also after another one was there); its class is
 * `name`, or where this was called if `name` is NULL. destroyed: it is gone. Locks of static storage, or
 * whose addresses do not come back, need neither. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_lock_created(const volatile void* lock,
                                                                     const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->created(lock, name);
}
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_lock_destroyed(const volatile void* lock) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->destroyed(lock);
}
/* Before the calling thread waits for the lock: then a thread that never returns has told why. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_acquire_begin(const volatile void* lock, int mode) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->acquire_begin(lock, mode);
}
/* The wait announced last has ended and the thread holds the lock. Without an announcement before: it has
 * taken the lock by a call that would have waited, and this says so afterwards. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_acquired(const volatile void* lock, int mode) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->acquired(lock, mode);
}
/* The wait announced ended without the lock (time out, interrupted). */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_acquire_failed(const volatile void* lock) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->acquire_failed(lock);
}
/* Taken by a call that never waits. Of a try that failed nothing need be said. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_try_acquired(const volatile void* lock, int mode) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->try_acquired(lock, mode);
}
/* Before the calling thread gives the lock up; another thread than the one that took it may. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_release(const volatile void* lock) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->release(lock);
}

/* The next lock that the calling thread takes, of any type, plays the part `subclass` (1 to 255; 0: none)
 * among the locks of its class: reports name it CLASS/SUBCLASS. For a class whose locks nest in an order that
 * the program keeps by other means (a directory, then what is in it), as lockdep's mutex_lock_nested().
 * Orders of the very same locks are judged as ever: only classes are told apart. */
static __inline__ void faultline_nested(unsigned subclass) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->nested(subclass);
}

/* The calling thread is about to touch this memory, or have the kernel touch it, and that may fault, whether
 * or not it does this time: what it holds waits for mmap_lock, and for the service where the memory is
 * registered with a userfaultfd. Reports say that it did not happen but could have. As the kernel's
 * might_fault(). */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_might_fault(const volatile void* address,
                                                                    size_t length) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->might_fault(address, length);
}

/* Switches recording off (0) or on again (1) for the calling thread. Nests: as many ons as offs. While it is
 * off, no lock the thread takes is recorded, now or as held later on; giving up locks taken before counts. */
static __inline__ void faultline_recording(int on) {
  const struct faultline_annotations* table = faultline_annotations_get2();
  if (table) table->recording(on);
}

/* Assertions: where one does not hold, reports have an `assertion`, with where it stands and what was held.
 *
 * assert_held: the calling thread holds the lock at this address, of any type but GLib's GRecMutex and
 * GRWLock, which lie elsewhere: exclusive if `mode` is FAULTLINE_EXCLUSIVE, in any mode if it is
 * FAULTLINE_SHARED. A thread that serves page faults holds what the threads hold that wait for it, too. As the
 * kernel's lockdep_assert_held(). */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_assert_held(const volatile void* lock, int mode) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->assert_held(lock, mode);
}
/* The calling thread itself does not hold the lock, in any mode. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_assert_not_held(const volatile void* lock) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->assert_not_held(lock);
}

/* Guarded state: something that threads share and that a lock must keep them from using at once. The calling
 * thread reads or writes the state `name` of the object at `state`; address and name together are its
 * identity, any address that stands for the object will do. Two accesses of one state by different threads,
 * at least one of them a write, with no lock in common that excludes one of them while the other goes on, are
 * reported as `unguarded`, with both places; but not what its first thread did before a second one came, nor
 * what creating and joining threads keeps in order. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_state_read(const volatile void* state,
                                                                   const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->state_read(state, name);
}
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_state_write(const volatile void* state,
                                                                    const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->state_write(state, name);
}
/* A look that is known to be unlocked, and repeated under a lock before anything depends on it: no access. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_state_racy_read(const volatile void* state,
                                                                        const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->state_racy_read(state, name);
}
/* A new object lives at this address from here on: what was said of states and tokens (below) of the one
 * before is over. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_state_created(const volatile void* state) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->state_created(state);
}

/* Tokens: a permission `name` concerning the object at this address, that one call gives and another needs,
 * whatever threads they are on ("the page was announced for writing"). It is there or it is not; giving twice
 * is giving once. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_token_give(const volatile void* object,
                                                                   const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->token_give(object, name);
}
/* It is over, if it was there. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_token_revoke(const volatile void* object,
                                                                     const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->token_revoke(object, name);
}
/* An assertion: it is there. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_token_require(const volatile void* object,
                                                                      const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->token_require(object, name);
}
/* An assertion, and it is used up. */
FAULTLINE_ADDRESS_ONLY static __inline__ void faultline_token_take(const volatile void* object,
                                                                   const char* name) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->token_take(object, name);
}

/* Between the two, the calling thread expects no page fault that waits for anybody: a might-fault there is
 * not recorded, and a fault that a userfaultfd server is asked to serve is reported as an `assertion`. Nests.
 * As the kernel's pagefault_disable(). */
static __inline__ void faultline_fault_disable(void) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->fault_disable();
}
static __inline__ void faultline_fault_enable(void) {
  const struct faultline_annotations* table = faultline_annotations_get3();
  if (table) table->fault_enable();
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L

namespace faultline {
namespace detail {
inline void name(pthread_mutex_t* lock, const char* text) {
  faultline_name_mutex(lock, text);
}
inline void name(pthread_rwlock_t* lock, const char* text) {
  faultline_name_rwlock(lock, text);
}
template <class Handle>
struct is_void_pointer {};
template <>
struct is_void_pointer<void*> {
  typedef int yes;
};
template <class Handle>
typename is_void_pointer<Handle>::yes only_if_void(Handle);
}  // namespace detail

/* Names a std lock, or any other with native_handle() (std::mutex, std::recursive_mutex, std::timed_mutex).
 */
template <class Lock>
inline auto name_lock(Lock& lock, const char* text)
    -> decltype(detail::name(lock.native_handle(), text), void()) {
  detail::name(lock.native_handle(), text);
}
/* The same for std::shared_mutex and its like: libstdc++ gives their pthread_rwlock_t as a void*. */
template <class Lock>
inline auto name_lock(Lock& lock, const char* text)
    -> decltype(lock.lock_shared(), detail::only_if_void(lock.native_handle()), void()) {
  faultline_name_rwlock(static_cast<pthread_rwlock_t*>(lock.native_handle()), text);
}
}  // namespace faultline
#endif

#undef FAULTLINE_ADDRESS_ONLY

#endif /* FAULTLINE_ANNOTATE_H */
