// Strong identifiers of what a trace speaks of. Each is a positive number unique within one process's trace;
// 0 means none.
//
// Used by both programs. Trivial, constant-initialisable, no operations but comparison: arithmetic on an id
// is a mistake.
#pragma once

#include <cstdint>

namespace faultline {

template <class Tag>
struct Id {
  std::uint32_t value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id, Id) = default;
};

using LockId = Id<struct LockTag>;      // a lock instance, not an address: never given twice
using ThreadId = Id<struct ThreadTag>;  // a thread of the process, not a kernel tid: never given twice
using StackId = Id<struct StackTag>;    // a distinct call stack
using ModuleId = Id<struct ModuleTag>;  // a loaded object
using StateId =
    Id<struct StateTag>;  // a piece of guarded state: a name, and an object that lived at an address
using HeldId = Id<struct HeldTag>;  // a node of the tree of held locks: a whole held set in order

}  // namespace faultline
