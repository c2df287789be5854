#include "record/guarded_state.h"

#include "fault/on_behalf.h"
#include "json_line.h"
#include "record/acquisition.h"
#include "record/dependencies.h"
#include "record/occurrences.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {
namespace {

// The word of a state: its id, which an address gets anew with each object, and below it its owner: the only
// thread that has touched it, or one of these.
constexpr std::uint32_t kNobody = 0;
constexpr std::uint32_t kShared = ~0u;

constexpr std::uint32_t id_in(std::uint64_t word) {
  return static_cast<std::uint32_t>(word >> 32);
}
constexpr std::uint32_t owner_in(std::uint64_t word) {
  return static_cast<std::uint32_t>(word);
}
constexpr std::uint64_t with_owner(std::uint64_t word, std::uint32_t owner) {
  return word >> 32 << 32 | owner;
}

bool is_watched(const NamedThing& state) {
  return state.given.load(std::memory_order_relaxed) != 0;
}

// `watched`: what is known of a state while its accesses are passed over says nothing of later.
std::uint64_t access_key(std::uint64_t held, std::uint64_t site, std::uint32_t state, bool writes,
                         bool watched) {
  return mix(held ^ site, static_cast<std::uint64_t>(state) << 2 | static_cast<std::uint64_t>(watched) << 1 |
                              static_cast<std::uint64_t>(writes));
}

// Whether fewer than `most` have been counted for `key`; then this one is.
bool is_one_of(std::uint64_t key, std::uint64_t most) {
  bool added;
  KeyMap::Value* count = recorded.find_or_add(key, &added);
  if (count == nullptr || count->load(std::memory_order_relaxed) >= most) return false;
  count->fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::uint64_t hash_of(const char* name) {
  std::uint64_t hash = 1;
  for (; *name != '\0'; ++name) hash = mix(hash, static_cast<unsigned char>(*name));
  return hash;
}

// What an access looks like whatever objects it is about: name, place, and the classes of locks held.
std::uint64_t pattern_of(ThreadState& thread, const Clients& clients, std::uint64_t name, std::uint64_t site,
                         bool writes) {
  std::uint64_t pattern = mix(name, site << 1 | static_cast<std::uint64_t>(writes));
  const auto add = [&](const HeldLock& held) {
    pattern = mix(pattern, static_cast<std::uint64_t>(class_in(held.word).value) << 8 |
                               static_cast<std::uint64_t>(held.mode));
  };
  for (const HeldLock* held = thread.base; held != thread.top; ++held) add(*held);
  for (std::size_t i = 0; i < clients.count; ++i)
    any_held(thread, *clients.faults[i]->waiter, [&](const HeldLock& held, bool) {
      add(held);
      return false;
    });
  return pattern;
}

// Watches it from now on where it should be: the first objects of a name, and those of rare accesses.
bool deserves_watching(NamedThing& state, std::uint64_t name, std::uint64_t pattern) {
  constexpr std::uint64_t kOfOneName = 1024;
  constexpr std::uint64_t kOfOnePattern = 64;
  if (is_watched(state)) return true;
  const bool is_one_of_few = is_one_of(key_of(Key::StateName, name), kOfOneName);
  if (!is_one_of(key_of(Key::AccessPattern, pattern), kOfOnePattern) && !is_one_of_few) return false;
  state.given.store(1, std::memory_order_relaxed);
  return true;
}

// Hot: whether there is nothing to record of an access by this thread, which may be interrupted anywhere.
bool is_known(ThreadState& thread, const volatile void* state, const char* name, bool writes, CallPoint at) {
  if (thread.limit <= thread.base || is_unnoticed_child()) return false;
  const NamedThing* known = find_thing(ThingKind::State, state, name);
  if (known == nullptr) return false;
  const std::uint64_t word = known->word.load(std::memory_order_acquire);
  if (owner_in(word) == thread.id.value) return true;
  if (owner_in(word) != kShared) return false;
  const CallSite* site = known_site(&thread, at);
  return site != nullptr &&
         thread.knows(access_key(top_key(thread), site->key, id_in(word), writes, is_watched(*known)));
}

// Whether `thread` is still the only one to have touched the state; `word` is what it is then.
bool is_initialising(NamedThing& state, const ThreadState& thread, std::uint64_t& word) {
  word = state.word.load(std::memory_order_acquire);
  for (;;) {
    const std::uint32_t owner = owner_in(word);
    if (owner == thread.id.value) return true;
    if (owner == kShared) return false;
    const std::uint64_t next = with_owner(word, owner == kNobody ? thread.id.value : kShared);
    if (!state.word.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    word = next;
    return owner == kNobody;
  }
}

bool write_state(ThreadState& thread, const NamedThing& state, std::uint32_t id) {
  bool added;
  KeyMap::Value* value = recorded.find_or_add(key_of(Key::StateWritten, id), &added);
  if (value == nullptr) return false;
  if (!added) return await_value(*value) != 0;
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("state").number("id", id).text("name", state.name);
  line.hex("addr", reinterpret_cast<std::uint64_t>(state.object));
  const bool appended = trace.append(line.end());
  value->store(appended ? 1 : kNoValue, std::memory_order_release);
  return appended;
}

// A server may have clients without end: of one access, those on behalf of so many are enough. `alone`: its
// key without them.
bool is_one_of_few(std::uint64_t alone, std::uint64_t key) {
  constexpr std::uint64_t kClients = 256;
  bool added;
  KeyMap::Value* count = recorded.find_or_add(key_of(Key::Clients, alone), &added);
  if (count == nullptr || recorded.find(key_of(Key::Clients, key)) != nullptr) return count != nullptr;
  if (count->load(std::memory_order_relaxed) >= kClients) return false;
  count->fetch_add(1, std::memory_order_relaxed);
  return recorded.find_or_add(key_of(Key::Clients, key), &added) != nullptr;
}

void record(Guard& guard, NamedThing& state, std::uint32_t id, bool writes, CallPoint at) {
  ThreadState& thread = guard.thread();
  if (!ensure_trace(thread)) return;
  if (trace.is_full()) return trace.lose(Lost::TraceFull);
  const CallSite site = call_site(guard, at);
  tell_held_apart(thread);
  const Clients clients = clients_of(thread);
  const auto own_key = [&] { return access_key(top_key(thread), site.key, id, writes, is_watched(state)); };
  const std::uint64_t passed_over = own_key();
  if (!is_watched(state)) {
    const std::uint64_t name = hash_of(state.name);
    if (!deserves_watching(state, name, pattern_of(thread, clients, name, site.key, writes)))
      return clients.count == 0 ? thread.learn(passed_over) : void();
  }
  const std::uint64_t alone = own_key();
  const std::uint64_t key = clients.count > 0 ? mix(alone, clients.key) : alone;
  if (thread.knows(key)) return;
  const Occurrence occurrence =
      clients.count == 0 || is_one_of_few(alone, key) ? note_occurrence(key, thread) : Occurrence::Known;
  thread.learn(key);
  if (occurrence == Occurrence::Known) return;
  write_thread_record(thread, thread);
  refresh_thread_name(thread);
  const HeldId under = held_with_clients(thread, clients);
  // Without its locks an access would be taken for one that nothing guards.
  if (!under && thread.top != thread.base) return trace.lose(Lost::TraceFull);
  const StackId stack = written_stack(thread, site.place.stack);
  if (!write_state(thread, state, id)) return;
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("access").number("thread", thread.id.value).number("epoch", thread.epoch);
  line.number("state", id).number("under", under.value).number("stack", stack.value);
  if (writes) line.truth("write", true);
  write_open(line, occurrence);
  write_clients(line, clients);
  trace.append(line.end());
  trace.refresh_stats();
}

}  // namespace

std::uint64_t fresh_state_word() {
  static constinit std::atomic<std::uint32_t> next_state{1};
  return static_cast<std::uint64_t>(next_state.fetch_add(1, std::memory_order_relaxed)) << 32 | kNobody;
}

void state_accessed(const volatile void* state, const char* name, bool writes, CallPoint at) {
  if (state == nullptr || name == nullptr) return;
  ThreadState* active = tls.active;
  if (__builtin_expect(active != nullptr && is_known(*active, state, name, writes, at), 1)) return;
  Guard guard;
  if (!guard || guard.thread().paused != 0) return;
  NamedThing* thing = thing_at(ThingKind::State, state, name);
  std::uint64_t word;
  if (thing == nullptr || is_initialising(*thing, guard.thread(), word)) return;
  record(guard, *thing, id_in(word), writes, at);
}

}  // namespace faultline
