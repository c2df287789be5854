// What the program speaks of by an address and a name (annotate.h): pieces of guarded state, and tokens.
//
// Any thread, in guarded sections, except `find_thing`, which only reads. Things are made once, never moved
// or freed, and outlive a fork: the child goes on with what its parent knew. At most kMostThings of them;
// what is beyond is counted in `lost`, and nothing is said of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "ids.h"
#include "record/guard.h"

namespace faultline {

enum class ThingKind : std::uint8_t { State, Token };

// Where and by whom something was last done to a token, as one word; 0: never, since the object was created.
struct LastTime {
  std::uint64_t bits;
  ThreadId thread() const { return ThreadId{static_cast<std::uint32_t>(bits >> 32)}; }
  StackId stack() const { return StackId{static_cast<std::uint32_t>(bits)}; }
};

struct NamedThing {
  const volatile void* object;
  const char* name;  // a copy
  NamedThing* next;  // of the same object
  ThingKind kind;
  // A state: its id and phase (record/guarded_state.h). A token: whether it is there.
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint64_t> given;  // of a token: LastTime; of a state: whether it is watched
  std::atomic<std::uint64_t> revoked;
};

inline constexpr std::uint32_t kMostThings = 1 << 20;

// Null: nobody has spoken of it. Cost: a hash of the name and a probe of a map, some 10 ns.
NamedThing* find_thing(ThingKind kind, const volatile void* object, const char* name);

// The same, made if it is new. Null: no room for it.
NamedThing* thing_at(ThingKind kind, const volatile void* object, const char* name);

// Counts one that was spoken of and is not kept.
void thing_was_lost();
// Whether there are such: then one that is not found may have been spoken of.
bool things_were_lost();

// A new object is at this address: whatever has a name there starts anew.
void object_created(const volatile void* object);

}  // namespace faultline
