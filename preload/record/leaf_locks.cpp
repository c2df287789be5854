#include "record/leaf_locks.h"

#include "sys/next_definition.h"

namespace faultline {
namespace {

// Set once at the start: the constructors for one pointer and for two.
constinit sys::Definition lockers[2]{};

// The pool is one array: what lies between two of its mutexes is one.
constinit std::atomic<std::uintptr_t> lowest{~std::uintptr_t{0}};
constinit std::atomic<std::uintptr_t> highest{0};

std::uintptr_t address_of(const volatile void* lock) {
  return reinterpret_cast<std::uintptr_t>(lock);
}

}  // namespace

void initialise_leaf_locks() {
  lockers[0] = sys::next_definition("_ZNSt10_Sp_lockerC1EPKv");
  lockers[1] = sys::next_definition("_ZNSt10_Sp_lockerC1EPKvS1_");
}

bool is_leaf_lock(const volatile void* lock, CallPoint at) {
  for (const sys::Definition& locker : lockers) {
    if (at.return_address - address_of(locker.address) >= locker.size) continue;
    const std::uintptr_t address = address_of(lock);
    std::uintptr_t bound = lowest.load(std::memory_order_relaxed);
    while (address < bound && !lowest.compare_exchange_weak(bound, address, std::memory_order_relaxed))
      continue;
    bound = highest.load(std::memory_order_relaxed);
    while (address > bound && !highest.compare_exchange_weak(bound, address, std::memory_order_relaxed))
      continue;
    return true;
  }
  return false;
}

bool is_leaf_lock(const volatile void* lock) {
  const std::uintptr_t address = address_of(lock);
  return address >= lowest.load(std::memory_order_relaxed) &&
         address <= highest.load(std::memory_order_relaxed);
}

}  // namespace faultline
