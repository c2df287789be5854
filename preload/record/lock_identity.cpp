#include "record/lock_identity.h"

#include <linux/random.h>
#include <stddef.h>

#include <cstring>

#include "raw_syscall.h"
#include "record/lock_records.h"
#include "runtime.h"
#include "sys/own_memory.h"

namespace faultline {

constinit std::uint64_t tag_salt = 0;
constinit std::atomic<std::uint64_t> side_generation{1};

namespace {

// glibc's layout on x86-64 (struct_mutex.h, struct_rwlock.h); another layout must not compile.
static_assert(sizeof(pthread_mutex_t) == 40 && offsetof(pthread_mutex_t, __data.__list) == 24);
static_assert(sizeof(pthread_rwlock_t) == 56 && offsetof(pthread_rwlock_t, __data.__pad3) == 16);
static_assert(offsetof(pthread_rwlock_t, __data.__pad2) == 40);

// Bits of __data.__kind (nptl/pthreadP.h): robust, process-shared.
constexpr int kKindsWithoutRoom = 16 | 128;

constinit std::atomic<std::uint32_t> next_lock{1};

// The processes this one was forked from, nearest last: what they tagged with and the first ids they had not
// given when they forked. Of a longer line the farthest is forgotten: what only it has tagged is a new lock.
struct Ancestor {
  std::uint64_t salt;
  std::uint32_t next_lock;
  std::uint32_t next_class;
};
constexpr std::size_t kAncestors = 8;
constinit Ancestor ancestors[kAncestors]{};
constinit std::size_t ancestor_count = 0;

// Process-wide, last declaration counts; read when a fault is recorded.
constinit std::atomic<std::uint64_t> mmap_lock_word{0};  // id << 8 | kind
constinit std::atomic<const volatile void*> mmap_lock_address{nullptr};

// The two words inside a lock. Null pointers where it has no room for them.
struct Words {
  std::uint64_t* tag;
  std::uint64_t* word;
};

Words words_of(const volatile void* lock, LockKind kind) {
  if (!has_room(lock, kind)) return {nullptr, nullptr};
  if (kind == LockKind::Mutex) {
    auto* mutex = static_cast<pthread_mutex_t*>(const_cast<void*>(lock));
    return {mutex_words(mutex), mutex_words(mutex) + 1};
  }
  auto* rwlock = static_cast<pthread_rwlock_t*>(const_cast<void*>(lock));
  return {rwlock_tag(rwlock), rwlock_word(rwlock)};
}

KeyMap::Value* side_entry(const volatile void* lock, bool add) {
  const std::uint64_t key = key_of(Key::SideIdentity, reinterpret_cast<std::uint64_t>(lock));
  bool added;
  return add ? remembered.find_or_add(key, &added) : remembered.find(key);
}

// Where the lock's word lies at present. Null: nowhere yet.
std::uint64_t* place_of_word(const volatile void* lock, LockKind kind) {
  const Words at = words_of(lock, kind);
  if (at.tag != nullptr)
    return __atomic_load_n(at.tag, __ATOMIC_ACQUIRE) == tag_for(lock) ? at.word : nullptr;
  static_assert(sizeof(KeyMap::Value) == sizeof(std::uint64_t));
  return reinterpret_cast<std::uint64_t*>(side_entry(lock, false));
}

LockWord fresh_word(LockKind kind, bool initialised, CallSite& site) {
  trace.stats.locks.fetch_add(1, std::memory_order_relaxed);
  if (!site.fresh) {
    const ClassId lock_class = class_of(kind, initialised, site.place.site, site.place.stack);
    // No memory for a class: each lock by itself.
    if (!lock_class) return word_of_instance(new_lock_id());
    site.fresh = lock_word(lock_class, 0);
  }
  return site.fresh;
}

// Whether `tag` says that the lock of that word got it before this process was forked off.
bool is_inherited(const volatile void* lock, std::uint64_t tag, LockWord word) {
  const std::uint64_t salt = tag ^ reinterpret_cast<std::uint64_t>(lock);
  for (std::size_t i = 0; i < ancestor_count; ++i)
    if (ancestors[i].salt == salt)
      return instance_in(word).value < ancestors[i].next_lock &&
             class_in(word).value < ancestors[i].next_class;
  return false;
}

// Puts a word into a lock that has none. One thread at a time claims the tag; the others wait a moment for it
// and read what it wrote. A claim whose thread was lost is taken over. The holder of a mutex may be about to
// write the words itself, on the hot path: it is given a moment too.
LockWord settle(Words at, const volatile void* lock, LockKind kind, CallSite& site) {
  const std::uint64_t tag = tag_for(lock);
  const std::uint64_t claimed = ~tag;
  const bool taken =
      kind == LockKind::Mutex && reinterpret_cast<const volatile pthread_mutex_t*>(lock)->__data.__lock != 0;
  constexpr int kSpins = 200;
  constexpr int kYieldsForHolder = 500;  // it may have been stopped between its two steps
  constexpr int kYields = 2000;
  for (int i = taken ? 0 : kSpins + kYieldsForHolder; i < kSpins + kYieldsForHolder + kYields; ++i) {
    std::uint64_t there = __atomic_load_n(at.tag, __ATOMIC_ACQUIRE);
    const LockWord word{__atomic_load_n(at.word, __ATOMIC_RELAXED)};
    if (there == tag) return word;
    if (is_inherited(lock, there, word)) {
      __atomic_compare_exchange_n(at.tag, &there, tag, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
      continue;
    }
    if (i < kSpins) {
      __builtin_ia32_pause();
      continue;
    }
    if (i >= kSpins + kYieldsForHolder && there != claimed &&
        __atomic_compare_exchange_n(at.tag, &there, claimed, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      break;
    sys::call(SYS_sched_yield);
  }
  const LockWord fresh = fresh_word(kind, false, site);
  __atomic_store_n(at.word, fresh.bits, __ATOMIC_RELAXED);
  __atomic_store_n(at.tag, tag, __ATOMIC_RELEASE);
  return fresh;
}

void keep_side_word(ThreadState& thread, const volatile void* lock, LockWord word) {
  const std::uint64_t generation = side_generation.load(std::memory_order_acquire);
  if (thread.side_generation != generation) {
    std::memset(static_cast<void*>(thread.side_words), 0, sizeof thread.side_words);
    thread.side_generation = generation;
  }
  thread.side_words[reinterpret_cast<std::uintptr_t>(lock) / 4 % ThreadState::kSideWords] = {lock, word};
}

LockWord side_word(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site) {
  KeyMap::Value* value = side_entry(lock, true);
  if (value == nullptr) return LockWord{};
  std::uint64_t there = value->load(std::memory_order_acquire);
  if (there == 0) {
    const LockWord fresh = fresh_word(kind, false, site);
    if (value->compare_exchange_strong(there, fresh.bits, std::memory_order_acq_rel)) there = fresh.bits;
  }
  keep_side_word(guard.thread(), lock, LockWord{there});
  return LockWord{there};
}

std::uint64_t key_of_number_put_aside(const volatile void* lock, LockWord word) {
  return key_of(Key::Demoted, reinterpret_cast<std::uint64_t>(lock), class_in(word).value);
}

// The word with an instance number: the one it had before its class was summarised, else a new one.
LockWord with_number(const volatile void* lock, LockWord word) {
  if (static_cast<std::uint32_t>(word.bits) == kNumberPutAside)
    if (const KeyMap::Value* kept = remembered.find(key_of_number_put_aside(lock, word)))
      return lock_word(class_in(word), static_cast<std::uint32_t>(kept->load(std::memory_order_acquire)));
  count_instance(class_in(word));
  return lock_word(class_in(word), new_lock_id().value);
}

LockWord without_number(const volatile void* lock, LockWord word) {
  bool added;
  KeyMap::Value* kept = remembered.find_or_add(key_of_number_put_aside(lock, word), &added);
  if (kept == nullptr) return lock_word(class_in(word), 0);
  kept->store(instance_in(word).value, std::memory_order_release);
  return lock_word(class_in(word), kNumberPutAside);
}

// Each file has its owner and range, which a class of them would not.
bool tells_apart(LockKind kind, LockWord word) {
  return kind == LockKind::File || keeps_instances(class_in(word));
}

}  // namespace

bool has_room(const volatile void* lock, LockKind kind) {
  if (kind == LockKind::Mutex)
    return (reinterpret_cast<const volatile pthread_mutex_t*>(lock)->__data.__kind & kKindsWithoutRoom) == 0;
  return kind == LockKind::Rwlock &&
         reinterpret_cast<const volatile pthread_rwlock_t*>(lock)->__data.__shared == 0;
}

LockId new_lock_id() {
  return LockId{next_lock.fetch_add(1, std::memory_order_relaxed)};
}

void identities_after_fork() {
  if (ancestor_count == kAncestors) {
    --ancestor_count;
    std::memmove(ancestors, ancestors + 1, ancestor_count * sizeof(Ancestor));
  }
  ancestors[ancestor_count++] = {tag_salt, next_lock.load(std::memory_order_relaxed), classes_given()};
  new_tag_salt();
  side_generation.fetch_add(1, std::memory_order_acq_rel);
}

void new_tag_salt() {
  const std::uint64_t old = tag_salt;
  sys::call(SYS_getrandom, sys::as_long(&tag_salt), sizeof tag_salt, GRND_NONBLOCK);
  if (tag_salt == old) tag_salt = mix(old, static_cast<std::uint64_t>(sys::call(SYS_getpid)));
  tag_salt |= 1;  // odd: no object's address, so no zeroed object carries its own tag
}

LockWord identify(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site) {
  const Words at = words_of(lock, kind);
  return at.tag != nullptr ? settle(at, lock, kind, site) : side_word(guard, lock, kind, site);
}

bool find_known(const volatile void* lock, LockWord& word, LockKind& kind) {
  pthread_mutex_t mutex;
  pthread_rwlock_t rwlock;
  void* object = const_cast<void*>(lock);
  if (sys::probe_own_memory(&mutex, object, sizeof mutex) == 0 && mutex_words(&mutex)[0] == tag_for(lock)) {
    word = LockWord{mutex_words(&mutex)[1]};
    kind = LockKind::Mutex;
  } else if (sys::probe_own_memory(&rwlock, object, sizeof rwlock) == 0 &&
             *rwlock_tag(&rwlock) == tag_for(lock)) {
    word = LockWord{*rwlock_word(&rwlock)};
    kind = LockKind::Rwlock;
  } else if (const KeyMap::Value* kept = side_entry(lock, false)) {
    word = LockWord{kept->load(std::memory_order_acquire)};
    kind = facts_of(class_in(word)).kind;
  } else {
    return false;
  }
  return static_cast<bool>(word);
}

LockWord told_apart(const volatile void* lock, LockKind kind, LockWord word) {
  std::uint64_t* place = lock != nullptr ? place_of_word(lock, kind) : nullptr;
  if (place == nullptr) return word;
  LockWord there{__atomic_load_n(place, __ATOMIC_ACQUIRE)};
  if (!there) return word;
  const bool apart = tells_apart(kind, there);
  if (apart == static_cast<bool>(instance_in(there))) return there;
  const LockWord wanted = apart ? with_number(lock, there) : without_number(lock, there);
  // Another reader that holds it too may have been faster.
  return __atomic_compare_exchange_n(place, &there.bits, wanted.bits, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)
             ? wanted
             : there;
}

bool is_there(const volatile void* lock, LockKind kind) {
  pthread_rwlock_t copy;
  const std::size_t size = kind == LockKind::Mutex    ? sizeof(pthread_mutex_t)
                           : kind == LockKind::Rwlock ? sizeof(pthread_rwlock_t)
                                                      : 0;
  return size == 0 || sys::probe_own_memory(&copy, const_cast<const void*>(lock), size) != -EFAULT;
}

LockWord held_told_apart(const HeldLock& held) {
  const bool apart = tells_apart(held.kind, held.word);
  if (apart == static_cast<bool>(instance_in(held.word)) || !is_there(held.address, held.kind))
    return held.word;
  return told_apart(held.address, held.kind, held.word);
}

LockId trace_id(LockWord word) {
  const LockId own = instance_in(word);
  return own ? own : facts_of(class_in(word)).representative;
}

void lock_initialised(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site) {
  const LockWord fresh = fresh_word(kind, true, site);
  const Words at = words_of(lock, kind);
  if (at.tag != nullptr) {
    __atomic_store_n(at.word, fresh.bits, __ATOMIC_RELAXED);
    __atomic_store_n(at.tag, tag_for(lock), __ATOMIC_RELEASE);
  } else if (KeyMap::Value* value = side_entry(lock, true)) {
    value->store(fresh.bits, std::memory_order_release);
    side_generation.fetch_add(1, std::memory_order_acq_rel);
    keep_side_word(guard.thread(), lock, fresh);
  }
}

void lock_destroyed(const volatile void* lock, LockKind kind) {
  // A lock with a tag ends with its object; POSIX makes using it undefined until it is initialised again,
  // which wipes the tag.
  if (has_room(lock, kind)) return;
  if (KeyMap::Value* value = side_entry(lock, false)) {
    value->store(0, std::memory_order_release);
    side_generation.fetch_add(1, std::memory_order_acq_rel);
  }
}

Mode reader_mode(const pthread_rwlock_t* lock) {
  return lock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? Mode::SharedFair
                                                                              : Mode::SharedRecursive;
}

void name_lock(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site, const char* name) {
  const LockWord old = identify(guard, lock, kind, site);
  std::uint64_t* place = place_of_word(lock, kind);
  if (!old || place == nullptr) return;
  const LockWord named = lock_word(named_class(class_in(old), kind, name), instance_in(old).value);
  __atomic_store_n(place, named.bits, __ATOMIC_RELEASE);
  side_generation.fetch_add(1, std::memory_order_acq_rel);
  lock_was_named(guard.thread(), named);
}

void declare_mmap_lock(Guard& guard, const volatile void* lock, LockKind kind, CallSite& site) {
  const LockId id = trace_id(told_apart(lock, kind, identify(guard, lock, kind, site)));
  mmap_lock_address.store(lock, std::memory_order_relaxed);
  mmap_lock_word.store(static_cast<std::uint64_t>(id.value) << 8 | static_cast<std::uint64_t>(kind),
                       std::memory_order_release);
  lock_was_declared(guard.thread(), id);
}

DeclaredMmapLock declared_mmap_lock() {
  const std::uint64_t word = mmap_lock_word.load(std::memory_order_acquire);
  return {LockId{static_cast<std::uint32_t>(word >> 8)}, mmap_lock_address.load(std::memory_order_relaxed),
          static_cast<LockKind>(word & 0xff)};
}

}  // namespace faultline
