// Which object is which lock, seen in what is written: objects that are made, copied and wiped without a
// call, and objects that must not be written to.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <new>
#include <set>

#include "record/acquisition.h"
#include "recording.h"

using namespace faultline;

namespace {

// One call point for all: identity must not come from there. Takes `lock` while an outer lock is held, so
// that it takes part in a dependency, and releases both.
[[gnu::noinline]] void take_under(pthread_mutex_t& outer, const volatile void* lock, LockKind kind) {
  const CallPoint at = FAULTLINE_CALL_POINT;
  before_wait(&outer, LockKind::Mutex, Mode::Exclusive, WaitKind::Blocking, at);
  before_wait(lock, kind, Mode::Exclusive, WaitKind::Blocking, at);
  before_release(lock);
  before_release(&outer);
}

void take(const volatile void* lock, LockKind kind) {
  static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER;
  take_under(outer, lock, kind);
}

// The ids that the object at `address` has had, in order.
std::vector<std::uint64_t> identities(const volatile void* address) {
  std::vector<std::uint64_t> ids;
  for (const Json& lock : records("lock"))
    if (std::stoull(lock.at("addr").get<std::string>(), nullptr, 16) ==
        reinterpret_cast<std::uintptr_t>(address))
      ids.push_back(lock.at("id"));
  return ids;
}

template <class Lock>
using Bytes = std::array<unsigned char, sizeof(Lock)>;

template <class Lock>
Bytes<Lock> bytes_of(const Lock& lock) {
  Bytes<Lock> bytes;
  std::memcpy(bytes.data(), &lock, sizeof lock);
  return bytes;
}

// On memory that no test has used for another lock.
template <class Lock>
std::unique_ptr<Lock> fresh() {
  return std::unique_ptr<Lock>(new Lock{});
}

pthread_mutex_t with_attribute(int (*set)(pthread_mutexattr_t*, int), int value) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  set(&attributes, value);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return mutex;
}

}  // namespace

TEST_CASE_TEMPLATE("identity: the same object is the same lock; wiped or made anew it is another", Lock,
                   pthread_mutex_t, pthread_rwlock_t) {
  constexpr LockKind kKind = std::is_same_v<Lock, pthread_mutex_t> ? LockKind::Mutex : LockKind::Rwlock;
  record_here();
  // Not on the heap: under AddressSanitizer a freed address does not come back, and another test's may.
  static Lock lock;
  const std::size_t before = identities(&lock).size();
  REQUIRE(before == 0);
  take(&lock, kKind);
  take(&lock, kKind);
  CHECK(identities(&lock).size() == 1);
  std::memset(static_cast<void*>(&lock), 0, sizeof lock);
  take(&lock, kKind);
  CHECK(identities(&lock).size() == 2);
  new (&lock) Lock{};
  take(&lock, kKind);
  take(&lock, kKind);
  const std::vector<std::uint64_t> ids = identities(&lock);
  CHECK(ids.size() == 3);
  CHECK(std::set<std::uint64_t>(ids.begin(), ids.end()).size() == 3);
}

TEST_CASE("identity: initialised by a call, an object is another lock, whatever it was") {
  record_here();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  take(&lock, LockKind::Mutex);
  before_init(&lock, LockKind::Mutex, FAULTLINE_CALL_POINT);
  take(&lock, LockKind::Mutex);
  const std::vector<std::uint64_t> ids = identities(&lock);
  REQUIRE(ids.size() == 2);
  CHECK(ids[0] != ids[1]);
}

TEST_CASE_TEMPLATE("identity: a copy is another lock, and the original stays what it was", Lock,
                   pthread_mutex_t, pthread_rwlock_t) {
  constexpr LockKind kKind = std::is_same_v<Lock, pthread_mutex_t> ? LockKind::Mutex : LockKind::Rwlock;
  record_here();
  static Lock original;
  static Lock copy;
  take(&original, kKind);
  std::memcpy(static_cast<void*>(&copy), &original, sizeof copy);
  take(&copy, kKind);
  take(&original, kKind);
  REQUIRE(identities(&original).size() == 1);
  REQUIRE(identities(&copy).size() == 1);
  CHECK(identities(&original) != identities(&copy));
}

TEST_CASE("identity: a lock that four threads meet at once is one") {
  record_here();
  constexpr std::size_t kLocks = 300;
  static pthread_mutex_t locks[kLocks];
  static pthread_mutex_t outer[4];
  in_threads(4, [](int number) {
    for (pthread_mutex_t& lock : locks) take_under(outer[number], &lock, LockKind::Mutex);
  });
  std::map<std::string, int> seen;
  for (const Json& lock : records("lock")) ++seen[lock.at("addr")];
  std::size_t once = 0;
  for (const pthread_mutex_t& lock : locks) {
    char address[32];
    std::snprintf(address, sizeof address, "%p", static_cast<const void*>(&lock));
    once += seen[address] == 1;
  }
  CHECK(once == kLocks);
}

TEST_CASE("identity: robust and process-shared mutexes are not written to, and are told apart all the same") {
  record_here();
  static pthread_mutex_t robust = with_attribute(pthread_mutexattr_setrobust, PTHREAD_MUTEX_ROBUST);
  static pthread_mutex_t shared = with_attribute(pthread_mutexattr_setpshared, PTHREAD_PROCESS_SHARED);
  for (pthread_mutex_t* lock : {&robust, &shared}) {
    const Bytes<pthread_mutex_t> before = bytes_of(*lock);
    before_init(lock, LockKind::Mutex, FAULTLINE_CALL_POINT);
    take(lock, LockKind::Mutex);
    take(lock, LockKind::Mutex);
    CHECK(bytes_of(*lock) == before);
    CHECK(identities(lock).size() == 1);
    before_init(lock, LockKind::Mutex, FAULTLINE_CALL_POINT);
    take(lock, LockKind::Mutex);
    CHECK(bytes_of(*lock) == before);
    CHECK(identities(lock).size() == 2);
  }
  const std::uint64_t robust_id = identities(&robust)[0];
  const std::uint64_t shared_id = identities(&shared)[0];
  for (const Json& lock : records("lock")) {
    if (lock.at("id") == robust_id) CHECK(lock.at("robust") == true);
    if (lock.at("id") == shared_id) CHECK(lock.at("shared") == true);
  }
}

TEST_CASE("identity: process-shared rwlocks and spin locks are not written to") {
  record_here();
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  static pthread_rwlock_t shared;
  pthread_rwlock_init(&shared, &attributes);
  static pthread_spinlock_t spin;
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  const Bytes<pthread_rwlock_t> shared_before = bytes_of(shared);
  const pthread_spinlock_t spin_before = spin;
  take(&shared, LockKind::Rwlock);
  take(&spin, LockKind::Spin);
  CHECK(bytes_of(shared) == shared_before);
  CHECK(spin == spin_before);
  CHECK(identities(&shared).size() == 1);
  CHECK(identities(&spin).size() == 1);
}

TEST_CASE("identity: a plain mutex still works for libc, written to or not") {
  record_here();
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  take(&lock, LockKind::Mutex);
  CHECK(pthread_mutex_lock(&lock) == 0);
  CHECK(pthread_mutex_trylock(&lock) == EBUSY);
  CHECK(pthread_mutex_unlock(&lock) == 0);
  CHECK(pthread_mutex_destroy(&lock) == 0);
}
