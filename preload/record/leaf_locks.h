// The mutexes behind std::atomic_load(shared_ptr) and its kin: libstdc++'s hidden pool, chosen by hash of an
// address.
//
// They are leaves: libstdc++ holds them over copying and swapping a pointer and its count, and destroys what
// was there after it has let go of them, so no lock is ever taken inside; where it takes two it takes them in
// order of their index. Such a lock can be in no cycle, and by chance of the hash it would stand for things
// that have nothing to do with each other; so it is not recorded at all. Which they are is learned when
// std::_Sp_locker, by whom alone they are taken, takes them. Where libstdc++ is linked in, or loaded after
// the start, they are recorded as any other and are the ends of orders.
#pragma once

#include "record/thread_state.h"

namespace faultline {

// Finds std::_Sp_locker. Once, by the constructor.
void initialise_leaf_locks();

// Whether the lock taken at `at` is one; from then on it is known for one.
bool is_leaf_lock(const volatile void* lock, CallPoint at);
// Whether it is known for one.
bool is_leaf_lock(const volatile void* lock);

}  // namespace faultline
