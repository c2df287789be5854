// Locks taken inline are in the state that libc would have left them in, and only where that is known.
#include "sys/libc_locks.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "recording.h"

using namespace faultline;

namespace {

template <class Lock>
std::array<unsigned char, sizeof(Lock)> bytes(const Lock& lock) {
  std::array<unsigned char, sizeof(Lock)> copy;
  std::memcpy(copy.data(), &lock, sizeof lock);
  return copy;
}

int own_tid() {
  return static_cast<int>(syscall(SYS_gettid));
}

}  // namespace

TEST_CASE("inline locks: not where they are not wanted") {
  record_here();
  libc::inline_lock_functions(false);
  CHECK(libc::inlined_mutex_kinds == -1);
  CHECK_FALSE(libc::inlines_others);
  libc::inline_lock_functions(true);
}

TEST_CASE("inline locks: a mutex taken and given back is as libc leaves it, at each step") {
  pthread_mutex_t ours = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_t libcs = PTHREAD_MUTEX_INITIALIZER;
  REQUIRE(libc::take(&ours, own_tid()));
  pthread_mutex_lock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
  CHECK_FALSE(libc::take(&ours, own_tid()));
  libc::give(&ours);
  pthread_mutex_unlock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
}

TEST_CASE("inline locks: a recursive mutex taken twice and given back is as libc leaves it, at each step") {
  pthread_mutex_t ours = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  pthread_mutex_t libcs = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  for (int i = 0; i < 2; ++i) {
    REQUIRE(libc::take_recursive(&ours, own_tid()));
    pthread_mutex_lock(&libcs);
    CHECK(bytes(ours) == bytes(libcs));
  }
  for (int i = 0; i < 2; ++i) {
    libc::give_recursive(&ours);
    pthread_mutex_unlock(&libcs);
    CHECK(bytes(ours) == bytes(libcs));
  }
}

TEST_CASE("inline locks: an rwlock read and written is as libc leaves it, at each step") {
  pthread_rwlock_t ours = PTHREAD_RWLOCK_INITIALIZER;
  pthread_rwlock_t libcs = PTHREAD_RWLOCK_INITIALIZER;
  REQUIRE(libc::take_shared(&ours));
  pthread_rwlock_rdlock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
  REQUIRE(libc::give_shared(&ours));
  pthread_rwlock_unlock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
  // From a read phase only libc may begin a write phase.
  CHECK_FALSE(libc::take_exclusive(&ours, own_tid()));
  for (pthread_rwlock_t* lock : {&ours, &libcs}) {
    pthread_rwlock_wrlock(lock);
    pthread_rwlock_unlock(lock);
  }
  REQUIRE(libc::take_exclusive(&ours, own_tid()));
  pthread_rwlock_wrlock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
  CHECK_FALSE(libc::take_shared(&ours));
  libc::give_exclusive(&ours);
  pthread_rwlock_unlock(&libcs);
  CHECK(bytes(ours) == bytes(libcs));
}

TEST_CASE("inline locks: a spinlock taken and given back is as libc leaves it, at each step") {
  pthread_spinlock_t ours, libcs;
  pthread_spin_init(&ours, PTHREAD_PROCESS_PRIVATE);
  pthread_spin_init(&libcs, PTHREAD_PROCESS_PRIVATE);
  REQUIRE(libc::take(&ours));
  pthread_spin_lock(&libcs);
  CHECK(ours == libcs);
  CHECK_FALSE(libc::take(&ours));
  libc::give(&ours);
  pthread_spin_unlock(&libcs);
  CHECK(ours == libcs);
}
