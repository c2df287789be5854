#include "record/named_things.h"

#include <cstring>

#include "record/guarded_state.h"
#include "runtime.h"
#include "sys/arena.h"

namespace faultline {
namespace {

constexpr std::size_t kLongestName = 63;
constinit std::atomic<std::uint32_t> things_made{0};
constinit std::atomic<bool> lost{false};

std::uint64_t hash_of(const char* name, std::size_t length) {
  std::uint64_t hash = length;
  for (; length >= sizeof hash; length -= sizeof hash, name += sizeof hash) {
    std::uint64_t word;
    std::memcpy(&word, name, sizeof word);
    hash = mix(hash, word);
  }
  std::uint64_t rest = 0;
  for (; length > 0; --length) rest = rest << 8 | static_cast<unsigned char>(*name++);
  return mix(hash, rest);
}

std::uint64_t key_of_thing(ThingKind kind, const volatile void* object, const char* name,
                           std::size_t length) {
  return key_of(kind == ThingKind::State ? Key::State : Key::Token, reinterpret_cast<std::uint64_t>(object),
                hash_of(name, length));
}

NamedThing* in(std::uint64_t value) {
  return value != kNoValue ? reinterpret_cast<NamedThing*>(value) : nullptr;
}

void enter(NamedThing* thing) {
  bool added;
  KeyMap::Value* first = remembered.find_or_add(
      key_of(Key::NamedObject, reinterpret_cast<std::uint64_t>(thing->object)), &added);
  if (first == nullptr) return;
  std::uint64_t there = first->load(std::memory_order_acquire);
  do {
    thing->next = reinterpret_cast<NamedThing*>(there);
  } while (!first->compare_exchange_weak(there, reinterpret_cast<std::uint64_t>(thing),
                                         std::memory_order_acq_rel, std::memory_order_acquire));
}

void reset(NamedThing& thing) {
  thing.word.store(thing.kind == ThingKind::State ? fresh_state_word() : 0, std::memory_order_release);
  thing.given.store(0, std::memory_order_relaxed);
  thing.revoked.store(0, std::memory_order_relaxed);
}

NamedThing* make_thing(ThingKind kind, const volatile void* object, const char* name, std::size_t length) {
  auto* thing = static_cast<NamedThing*>(arena_allocate(sizeof(NamedThing)));
  auto* text = static_cast<char*>(arena_allocate(length + 1, 1));
  if (thing == nullptr || text == nullptr) return nullptr;
  std::memcpy(text, name, length);
  text[length] = '\0';
  thing->object = object;
  thing->name = text;
  thing->kind = kind;
  reset(*thing);
  return thing;
}

NamedThing* no_room() {
  thing_was_lost();
  return nullptr;
}

}  // namespace

NamedThing* find_thing(ThingKind kind, const volatile void* object, const char* name) {
  const KeyMap::Value* value = remembered.find(key_of_thing(kind, object, name, strnlen(name, kLongestName)));
  return value != nullptr ? in(value->load(std::memory_order_acquire)) : nullptr;
}

NamedThing* thing_at(ThingKind kind, const volatile void* object, const char* name) {
  const std::size_t length = strnlen(name, kLongestName);
  const std::uint64_t key = key_of_thing(kind, object, name, length);
  if (const KeyMap::Value* known = remembered.find(key))
    return reinterpret_cast<NamedThing*>(await_value(*known));
  if (things_made.load(std::memory_order_relaxed) >= kMostThings) return no_room();
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key, &added);
  if (value == nullptr) return no_room();
  if (!added) return reinterpret_cast<NamedThing*>(await_value(*value));
  things_made.fetch_add(1, std::memory_order_relaxed);
  NamedThing* thing = make_thing(kind, object, name, length);
  if (thing == nullptr) {
    value->store(kNoValue, std::memory_order_release);
    return no_room();
  }
  enter(thing);
  value->store(reinterpret_cast<std::uint64_t>(thing), std::memory_order_release);
  return thing;
}

void thing_was_lost() {
  lost.store(true, std::memory_order_relaxed);
  trace.lose(Lost::Annotations);
}

bool things_were_lost() {
  return lost.load(std::memory_order_relaxed);
}

void object_created(const volatile void* object) {
  const KeyMap::Value* first =
      remembered.find(key_of(Key::NamedObject, reinterpret_cast<std::uint64_t>(object)));
  if (first == nullptr) return;
  for (NamedThing* thing = in(first->load(std::memory_order_acquire)); thing != nullptr; thing = thing->next)
    reset(*thing);
}

}  // namespace faultline
