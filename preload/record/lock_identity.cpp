#include "record/lock_identity.h"

#include <stddef.h>

#include <cstring>

#include "json_line.h"
#include "raw_syscall.h"
#include "record/modules.h"
#include "record/stacks.h"
#include "runtime.h"
#include "sys/arena.h"

namespace faultline {

constinit std::uint64_t tag_salt = 0;

namespace {

// glibc's layout on x86-64 (struct_mutex.h, struct_rwlock.h); another layout must not compile.
static_assert(sizeof(pthread_mutex_t) == 40 && offsetof(pthread_mutex_t, __data.__list) == 24);
static_assert(sizeof(pthread_rwlock_t) == 56 && offsetof(pthread_rwlock_t, __data.__pad3) == 16);
static_assert(offsetof(pthread_rwlock_t, __data.__pad2) == 40);

// Bits of __data.__kind (nptl/pthreadP.h).
constexpr int kKindTypeMask = 3;
constexpr int kKindRobust = 16;
constexpr int kKindShared = 128;

constinit std::atomic<std::uint32_t> next_lock{1};

// Process-wide, last declaration counts; read when a fault is recorded.
constinit std::atomic<std::uint64_t> mmap_lock_word{0};  // id << 8 | kind
constinit std::atomic<const volatile void*> mmap_lock_address{nullptr};

KeyMap::Value* side_entry(const volatile void* lock, bool add) {
  const std::uint64_t key = key_of(Key::SideIdentity, reinterpret_cast<std::uint64_t>(lock));
  bool added;
  return add ? remembered.find_or_add(key, &added) : remembered.find(key);
}

// Puts a new identity into a lock that has none. One thread at a time claims the tag; the others wait a
// moment for it and read what it wrote. A claim whose thread was lost is taken over.
LockId settle(IdentityWords at, const volatile void* lock, StackId origin) {
  const std::uint64_t tag = tag_for(lock);
  const std::uint64_t claimed = ~tag;
  constexpr int kSpins = 200;
  constexpr int kYields = 2000;
  for (int i = 0; i < kSpins + kYields; ++i) {
    std::uint64_t there = __atomic_load_n(at.tag, __ATOMIC_ACQUIRE);
    if (there == tag) return IdentityWord{__atomic_load_n(at.word, __ATOMIC_RELAXED)}.id();
    if (there != claimed &&
        __atomic_compare_exchange_n(at.tag, &there, claimed, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      break;
    if (i < kSpins) {
      __builtin_ia32_pause();
    } else {
      sys::call(SYS_sched_yield);
    }
  }
  const IdentityWord fresh = IdentityWord::of(new_lock_id(), origin, false);
  __atomic_store_n(at.word, fresh.bits, __ATOMIC_RELAXED);
  __atomic_store_n(at.tag, tag, __ATOMIC_RELEASE);
  return fresh.id();
}

void write_attributes(JsonLine& line, LockKind kind, const volatile void* address) {
  if (kind == LockKind::Mutex) {
    const int bits = reinterpret_cast<const volatile pthread_mutex_t*>(address)->__data.__kind;
    constexpr MutexType types[] = {MutexType::Normal, MutexType::Recursive, MutexType::Errorcheck,
                                   MutexType::Adaptive};
    line.text("type", spelling(types[bits & kKindTypeMask]));
    if ((bits & kKindRobust) != 0) line.truth("robust", true);
    if ((bits & kKindShared) != 0) line.truth("shared", true);
  } else if (kind == LockKind::Rwlock) {
    const auto& data = reinterpret_cast<const volatile pthread_rwlock_t*>(address)->__data;
    const RwlockPreference preference =
        data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? RwlockPreference::WriterNonrecursive
        : data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NP            ? RwlockPreference::Writer
                                                                     : RwlockPreference::Reader;
    line.text("prefer", spelling(preference));
    if (data.__shared != 0) line.truth("shared", true);
  }
}

IdentityWord word_of(LockKind kind, const volatile void* address) {
  const IdentityWords at = identity_words(address, kind);
  if (at.word != nullptr) return {__atomic_load_n(at.word, __ATOMIC_ACQUIRE)};
  const KeyMap::Value* value = side_entry(address, false);
  return {value != nullptr ? value->load(std::memory_order_acquire) : 0};
}

void write_name(ThreadState& thread, LockId lock) {
  const char* text = name_of(lock);
  if (text == nullptr) return;
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("name").number("lock", lock.value).text("name", text).end());
}

void write_role(ThreadState& thread, LockId lock) {
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("role").number("lock", lock.value).text("role", "mmap_lock").end());
}

bool is_written(LockId lock) {
  return recorded.find(key_of(Key::Lock, lock.value)) != nullptr;
}

}  // namespace

IdentityWords identity_words(const volatile void* lock, LockKind kind) {
  if (kind == LockKind::Mutex) {
    auto* mutex = static_cast<pthread_mutex_t*>(const_cast<void*>(lock));
    if ((mutex->__data.__kind & (kKindRobust | kKindShared)) != 0) return {nullptr, nullptr};
    return {mutex_words(mutex), mutex_words(mutex) + 1};
  }
  if (kind == LockKind::Rwlock) {
    auto* rwlock = static_cast<pthread_rwlock_t*>(const_cast<void*>(lock));
    if (rwlock->__data.__shared != 0) return {nullptr, nullptr};
    return {rwlock_tag(rwlock), rwlock_word(rwlock)};
  }
  return {nullptr, nullptr};
}

LockId new_lock_id() {
  trace.stats.locks.fetch_add(1, std::memory_order_relaxed);
  return LockId{next_lock.fetch_add(1, std::memory_order_relaxed)};
}

LockId identify(Guard&, const volatile void* lock, LockKind kind, StackId origin) {
  const IdentityWords at = identity_words(lock, kind);
  if (at.tag != nullptr) return settle(at, lock, origin);
  KeyMap::Value* value = side_entry(lock, true);
  if (value == nullptr) return LockId{};
  std::uint64_t there = value->load(std::memory_order_acquire);
  if (there == 0) {
    const IdentityWord fresh = IdentityWord::of(new_lock_id(), origin, false);
    if (value->compare_exchange_strong(there, fresh.bits, std::memory_order_acq_rel)) there = fresh.bits;
  }
  return IdentityWord{there}.id();
}

void lock_initialised(Guard&, const volatile void* lock, LockKind kind, StackId origin) {
  const IdentityWord fresh = IdentityWord::of(new_lock_id(), origin, true);
  const IdentityWords at = identity_words(lock, kind);
  if (at.tag != nullptr) {
    __atomic_store_n(at.word, fresh.bits, __ATOMIC_RELAXED);
    __atomic_store_n(at.tag, tag_for(lock), __ATOMIC_RELEASE);
  } else if (KeyMap::Value* value = side_entry(lock, true)) {
    value->store(fresh.bits, std::memory_order_release);
  }
}

void lock_destroyed(const volatile void* lock, LockKind kind) {
  // A lock with a tag ends with its object; POSIX makes using it undefined until it is initialised again,
  // which wipes the tag.
  if (kind == LockKind::Mutex || kind == LockKind::Rwlock) {
    const IdentityWords at = identity_words(lock, kind);
    if (at.tag != nullptr) return;
  }
  if (KeyMap::Value* value = side_entry(lock, false)) value->store(0, std::memory_order_release);
}

Mode reader_mode(const pthread_rwlock_t* lock) {
  return lock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? Mode::SharedFair
                                                                              : Mode::SharedRecursive;
}

void name_lock(Guard& guard, LockId lock, const char* name) {
  constexpr std::size_t kLongest = 63;
  const std::size_t length = strnlen(name, kLongest);
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key_of(Key::Name, lock.value), &added);
  auto* text = static_cast<char*>(arena_allocate(length + 1, 1));
  if (value == nullptr || text == nullptr) return;
  std::memcpy(text, name, length);
  text[length] = '\0';
  value->store(reinterpret_cast<std::uint64_t>(text), std::memory_order_release);
  if (is_written(lock)) write_name(guard.thread(), lock);
}

const char* name_of(LockId lock) {
  const KeyMap::Value* name = remembered.find(key_of(Key::Name, lock.value));
  return name != nullptr ? reinterpret_cast<const char*>(name->load(std::memory_order_acquire)) : nullptr;
}

void declare_mmap_lock(Guard& guard, LockId lock, const volatile void* address, LockKind kind) {
  mmap_lock_address.store(address, std::memory_order_relaxed);
  mmap_lock_word.store(static_cast<std::uint64_t>(lock.value) << 8 | static_cast<std::uint64_t>(kind),
                       std::memory_order_release);
  if (is_written(lock)) write_role(guard.thread(), lock);
}

DeclaredMmapLock declared_mmap_lock() {
  const std::uint64_t word = mmap_lock_word.load(std::memory_order_acquire);
  return {LockId{static_cast<std::uint32_t>(word >> 8)}, mmap_lock_address.load(std::memory_order_relaxed),
          static_cast<LockKind>(word & 0xff)};
}

void write_lock_record(ThreadState& thread, LockId lock, LockKind kind, const volatile void* address) {
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::Lock, lock.value), &added);
  if (value == nullptr) return;
  if (!added) {
    await_value(*value);
    return;
  }
  IdentityWord word = address != nullptr ? word_of(kind, address) : IdentityWord{0};
  if (word.id() != lock) word.bits = 0;  // the object has become another lock meanwhile
  const StackId origin = written_stack(thread, word.origin());
  const CodeLocation where =
      address != nullptr ? locate(thread, reinterpret_cast<std::uintptr_t>(address)) : CodeLocation{};
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("lock")
      .number("id", lock.value)
      .text("kind", spelling(kind))
      .hex("addr", reinterpret_cast<std::uint64_t>(address));
  line.number("init", word.initialised() ? origin.value : 0)
      .number("first", word.initialised() ? 0 : origin.value);
  if (where.module) line.open("static", '[').element(where.module.value).element(where.offset).close(']');
  if (address != nullptr) write_attributes(line, kind, address);
  trace.append(line.end());
  write_name(thread, lock);
  if (declared_mmap_lock().id == lock) write_role(thread, lock);
  value->store(1, std::memory_order_release);
}

}  // namespace faultline
