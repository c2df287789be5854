// Which lock an address is at the moment: a class, and an instance number that is never given again.
//
// std::mutex and static initialisers make and end locks without a call, so an address says nothing. What a
// lock is called therefore lies in the lock itself, in words that glibc leaves unused on this architecture,
// next to a tag made of the object's own address and a per-process salt:
//   - constructing, initialising or zeroing the object wipes the tag: a new lock;
//   - a copied or moved object has the tag of another address: a new lock;
//   - hot path: two loads from the lock's own cache line.
// Mutexes: `__data.__list` (used by glibc for robust mutexes only); rwlocks: the padding words. Never in
// robust or process-shared locks (another process would believe our word) nor in locks without room
// (spinlocks and locks that are not libc's): these are kept in a table by address, and end with their destroy
// function.
//
// A word is {class, instance}. A lock begins with its class alone; when it first takes part in a new
// dependency it is told apart: it gets an instance number, unless its class is summarised
// (record/lock_classes.h). Whole words are what chain keys are made of.
//
// Any thread.
#pragma once

#include <pthread.h>

#include "record/lock_classes.h"

namespace faultline {

// Marks the word of a lock that was told apart before its class was summarised: its number is remembered by
// address.
inline constexpr std::uint32_t kNumberPutAside = 0x80000000u;

constexpr LockWord lock_word(ClassId lock_class, std::uint32_t instance) {
  return {static_cast<std::uint64_t>(lock_class.value) << 32 | instance};
}
constexpr ClassId class_in(LockWord word) {
  return ClassId{static_cast<std::uint32_t>(word.bits >> 32)};
}
// None: known by its class only.
constexpr LockId instance_in(LockWord word) {
  const auto number = static_cast<std::uint32_t>(word.bits);
  return LockId{number == kNumberPutAside ? 0 : number};
}
// For what is no object in memory and always told apart.
constexpr LockWord word_of_instance(LockId id) {
  return lock_word(ClassId{}, id.value);
}

// The tag of the lock at `address`. The salt is random per process: set by the constructor, and anew in a
// forked child, or what parent and child both number in memory they share would be taken for each other's. So
// the child's first acquisition of each lock takes the slow path, which knows an inherited tag.
extern constinit std::uint64_t tag_salt;
inline std::uint64_t tag_for(const volatile void* address) {
  return reinterpret_cast<std::uint64_t>(address) ^ tag_salt;
}

void new_tag_salt();
// In a forked child: locks known so far keep their names; what the parent numbers from here on is not
// believed.
void identities_after_fork();

// The hot path's view of the words inside locks.
inline std::uint64_t* mutex_words(pthread_mutex_t* mutex) {
  return reinterpret_cast<std::uint64_t*>(&mutex->__data.__list);
}
// What the mutex is called; 0: not known, or it has no room for its name.
[[gnu::always_inline]] inline LockWord known_word(pthread_mutex_t* mutex) {
  const std::uint64_t* words = mutex_words(mutex);
  return words[0] == tag_for(mutex) ? LockWord{words[1]} : LockWord{};
}
inline std::uint64_t* rwlock_tag(pthread_rwlock_t* lock) {
  return reinterpret_cast<std::uint64_t*>(&lock->__data.__pad2);
}
inline std::uint64_t* rwlock_word(pthread_rwlock_t* lock) {
  return reinterpret_cast<std::uint64_t*>(&lock->__data.__pad3);
}
// One of the process's numbers of the table by address: one more whenever a lock in it begins or ends.
extern constinit std::atomic<std::uint64_t> side_generation;
// What the thread last knew of a lock in the table; 0: ask `identify`.
inline LockWord known_side_word(const ThreadState& thread, const volatile void* lock) {
  const SideWord& kept =
      thread.side_words[reinterpret_cast<std::uintptr_t>(lock) / 4 % ThreadState::kSideWords];
  const bool valid =
      kept.address == lock && thread.side_generation == side_generation.load(std::memory_order_relaxed);
  return valid ? kept.word : LockWord{};
}

// Whether this lock has room for its words.
bool has_room(const volatile void* lock, LockKind kind);

// The lock at `address`, made known if it is new; `site`: the present call. 0: not possible.
LockWord identify(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site);

// What the lock at this address is called, if it is known, of whatever kind: its memory need not be a lock's,
// nor be there at all. False: not known; locks that only the parent of a forked child took are not.
bool find_known(const volatile void* lock, LockWord& word, LockKind& kind);

// What the lock is called from now on: told apart, or not any more, as its class asks for at present. For a
// lock that the caller holds or is about to take.
LockWord told_apart(const volatile void* lock, LockKind kind, LockWord word);

// The same for what is on a held stack, whose lock may be gone: destroyed while held, and its memory
// unmapped.
LockWord held_told_apart(const HeldLock& held);
// Whether the words of the lock, if locks of `kind` have any in them, can be read.
bool is_there(const volatile void* lock, LockKind kind);

// The id that stands for a lock in the trace: its own or, where it is not told apart, its class's.
LockId trace_id(LockWord word);

// An init function has made a new lock here.
void lock_initialised(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site);
// A destroy function has ended the lock here.
void lock_destroyed(const volatile void* lock, LockKind kind);

// How this rwlock's readers behave, from its attributes.
Mode reader_mode(const pthread_rwlock_t* lock);

// A new id for something that is no object in memory (a fault service, the model mmap_lock) or stands for
// many.
LockId new_lock_id();

// Annotations: a name, the part of the mmap_lock.
void name_lock(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site, const char* name);
void declare_mmap_lock(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site);

// The program's own mmap_lock; id 0 where none was declared.
struct DeclaredMmapLock {
  LockId id;
  const volatile void* address;
  LockKind kind;
};
DeclaredMmapLock declared_mmap_lock();

}  // namespace faultline
