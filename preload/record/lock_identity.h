// Which lock an address is at the moment: an instance with an id that is never given again.
//
// std::mutex and static initialisers make and end locks without a call, so an address says nothing. A lock's
// identity therefore lives in the lock itself, in words that glibc leaves unused on this architecture, next
// to a tag made of the object's own address and a per-process salt:
//   - constructing, initialising or zeroing the object wipes the tag: a new lock, a new id;
//   - a copied or moved object has the tag of another address: a new lock;
//   - hot path: two loads from the lock's own cache line.
// Mutexes: `__data.__list` (used by glibc for robust mutexes only); rwlocks: the padding words. Never in
// robust or process-shared locks (another process would believe our id) nor in spinlocks (4 bytes, no room):
// these can only come to life through an init function, which our hooks see, and are kept in a table by
// address.
//
// Any thread.
#pragma once

#include <pthread.h>

#include "record/guard.h"

namespace faultline {

// Identity as it lies in a lock: id, and the stack of its initialisation or first acquisition.
struct IdentityWord {
  std::uint64_t bits;

  static IdentityWord of(LockId id, StackId origin, bool initialised) {
    return {static_cast<std::uint64_t>(id.value) << 32 | static_cast<std::uint64_t>(initialised) << 31 |
            (origin.value & 0x7fffffffu)};
  }
  LockId id() const { return LockId{static_cast<std::uint32_t>(bits >> 32)}; }
  StackId origin() const { return StackId{static_cast<std::uint32_t>(bits) & 0x7fffffffu}; }
  bool initialised() const {
    return (bits >> 31 & 1) != 0;
  }  // `origin` is the init call, not the first acquisition
};

// The tag of the lock at `address`. The salt is random per process and set by the constructor.
extern constinit std::uint64_t tag_salt;
inline std::uint64_t tag_for(const volatile void* address) {
  return reinterpret_cast<std::uint64_t>(address) ^ tag_salt;
}

// The two words inside a lock. Null pointers where this lock has no room for them.
struct IdentityWords {
  std::uint64_t* tag;
  std::uint64_t* word;
};
IdentityWords identity_words(const volatile void* lock, LockKind kind);

// The hot path's view: a mutex that is normal or recursive, not robust, not shared, no priority protocol.
inline bool is_plain(const pthread_mutex_t* mutex) {
  return static_cast<unsigned>(mutex->__data.__kind) <= PTHREAD_MUTEX_RECURSIVE_NP;
}
inline std::uint64_t* mutex_words(pthread_mutex_t* mutex) {
  return reinterpret_cast<std::uint64_t*>(&mutex->__data.__list);
}
inline std::uint64_t* rwlock_tag(pthread_rwlock_t* lock) {
  return reinterpret_cast<std::uint64_t*>(&lock->__data.__pad2);
}
inline std::uint64_t* rwlock_word(pthread_rwlock_t* lock) {
  return reinterpret_cast<std::uint64_t*>(&lock->__data.__pad3);
}

// The lock at `address`, made known if it is new. `origin`: stack of the present call.
LockId identify(Guard& guard, const volatile void* lock, LockKind kind, StackId origin);

// An init function has made a new lock here.
void lock_initialised(Guard& guard, const volatile void* lock, LockKind kind, StackId origin);
// A destroy function has ended the lock here.
void lock_destroyed(const volatile void* lock, LockKind kind);

// How this rwlock's readers behave, from its attributes.
Mode reader_mode(const pthread_rwlock_t* lock);

// A new id for something that is no object in memory (a fault service, the model mmap_lock).
LockId new_lock_id();

// Annotations: a name, the part of the mmap_lock.
void name_lock(Guard& guard, LockId lock, const char* name);
const char* name_of(LockId lock);  // null where it has none
void declare_mmap_lock(Guard& guard, LockId lock, const volatile void* address, LockKind kind);

// The program's own mmap_lock; id 0 where none was declared.
struct DeclaredMmapLock {
  LockId id;
  const volatile void* address;
  LockKind kind;
};
DeclaredMmapLock declared_mmap_lock();

// Makes sure that the trace defines `lock`. `address` must be a live lock of that kind, or null for what is
// no object in memory.
void write_lock_record(ThreadState& thread, LockId lock, LockKind kind, const volatile void* address);

}  // namespace faultline
