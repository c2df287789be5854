#include "record/lock_classes.h"

#include <cstring>

#include "raw_syscall.h"
#include "record/held_stack.h"
#include "record/lock_identity.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/arena.h"

namespace faultline {

struct LockClass;

// In the list of the held class.
struct ClassOrder {
  LockClass* held;
  LockClass* wanted;
  ClassOrder* next;
  std::atomic<std::uint32_t> dependencies;
};

struct LockClass {
  ClassFacts facts;
  std::atomic<ClassOrder*> orders;
  std::atomic<std::uint32_t> instances;
  std::atomic<bool> summarised;
  std::atomic<bool> suspect;  // on a cycle of class orders
  // Of a search for cycles, which runs one at a time.
  LockClass* next_found;
  bool found;
  bool leads_back;
};

namespace {

// A few thousand instance dependencies of one class order are kept; of a suspect one more, as only instances
// can tell whether its cycle is real.
constexpr std::uint32_t kPerOrder = 4096;
constexpr std::uint32_t kPerSuspectOrder = 65536;
// A class with fewer instances than this is not what makes an order's instances many.
constexpr std::uint32_t kFewInstances = 64;

// Classes by number, in blocks that never move.
constexpr std::uint32_t kBlock = 1024;
constexpr std::uint32_t kBlocks = 4096;
constinit std::atomic<std::atomic<LockClass*>*> blocks[kBlocks]{};
constinit std::atomic<std::uint32_t> next_class{1};
constinit std::atomic<bool> searching{false};

std::atomic<LockClass*>* slot_of(std::uint32_t id) {
  if (id / kBlock >= kBlocks) return nullptr;
  auto& block = blocks[id / kBlock];
  auto* slots = block.load(std::memory_order_acquire);
  if (slots == nullptr) {
    constexpr std::size_t bytes = kBlock * sizeof(std::atomic<LockClass*>);
    auto* fresh = static_cast<std::atomic<LockClass*>*>(map_pages(bytes));
    if (fresh == nullptr) return nullptr;
    if (block.compare_exchange_strong(slots, fresh, std::memory_order_acq_rel)) return fresh + id % kBlock;
    unmap_pages(fresh, bytes);
  }
  return slots + id % kBlock;
}

LockClass* class_at(ClassId id) {
  std::atomic<LockClass*>* slot = id ? slot_of(id.value) : nullptr;
  return slot != nullptr ? slot->load(std::memory_order_acquire) : nullptr;
}

ClassId find_or_make(std::uint64_t key, LockKind kind, StackId origin, bool initialised, const char* name) {
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key, &added);
  if (value == nullptr) return ClassId{};
  if (!added) return ClassId{static_cast<std::uint32_t>(await_value(*value))};
  auto* fresh = static_cast<LockClass*>(arena_allocate(sizeof(LockClass)));
  const std::uint32_t id = next_class.fetch_add(1, std::memory_order_relaxed);
  std::atomic<LockClass*>* slot = slot_of(id);
  if (fresh == nullptr || slot == nullptr) {
    value->store(kNoValue, std::memory_order_release);
    return ClassId{};
  }
  fresh->facts = {origin, initialised, name, new_lock_id(), kind};
  slot->store(fresh, std::memory_order_release);
  value->store(id, std::memory_order_release);
  return ClassId{id};
}

const char* copied(const char* name) {
  constexpr std::size_t kLongest = 63;
  const std::size_t length = strnlen(name, kLongest);
  auto* text = static_cast<char*>(arena_allocate(length + 1, 1));
  if (text == nullptr) return nullptr;
  std::memcpy(text, name, length);
  text[length] = '\0';
  return text;
}

// Finds every class that can be reached from `start` along class orders, as a list from `start` on.
LockClass* reachable(LockClass* start) {
  start->found = true;
  LockClass* last = start;
  for (LockClass* at = start; at != nullptr; at = at->next_found)
    for (ClassOrder* order = at->orders.load(std::memory_order_acquire); order != nullptr;
         order = order->next) {
      if (order->wanted->found) continue;
      order->wanted->found = true;
      last->next_found = order->wanted;
      last = order->wanted;
    }
  return start;
}

// Of the found classes, marks those from which `target` can be reached.
bool mark_ways_back(LockClass* found, LockClass* target) {
  if (!target->found) return false;
  target->leads_back = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (LockClass* at = found; at != nullptr; at = at->next_found)
      for (ClassOrder* order = at->orders.load(std::memory_order_acquire);
           order != nullptr && !at->leads_back; order = order->next)
        changed |= at->leads_back = order->wanted->leads_back;
  }
  return true;
}

// A new class order: all classes on a cycle with it become suspect. Whether one of them had been summarised.
bool suspect_cycle_through(LockClass* held, LockClass* wanted) {
  bool summarised = false;
  LockClass* found = reachable(wanted);
  const bool cycle = mark_ways_back(found, held);
  while (found != nullptr) {
    LockClass* next = found->next_found;
    if (cycle && found->leads_back) {
      found->suspect.store(true, std::memory_order_relaxed);
      summarised |= found->summarised.exchange(false, std::memory_order_acq_rel);
    }
    found->found = found->leads_back = false;
    found->next_found = nullptr;
    found = next;
  }
  return summarised;
}

// What threads know by class they must look at again by instance.
void forget_known_chains() {
  find_thread([](ThreadState& thread) {
    thread.forget_known.store(true, std::memory_order_release);
    stop_at_next_acquisition(thread);
    return false;
  });
}

void summarise_if_many(LockClass& one) {
  if (one.instances.load(std::memory_order_relaxed) < kFewInstances) return;
  if (!one.summarised.exchange(true, std::memory_order_acq_rel))
    trace.stats.summarised.fetch_add(1, std::memory_order_relaxed);
}

bool claim_search() {
  constexpr int kPatienceYields = 20000;
  for (int i = 0; searching.exchange(true, std::memory_order_acquire); ++i) {
    if (i == kPatienceYields) return false;
    sys::call(SYS_sched_yield);
  }
  return true;
}

void order_is_new(LockClass& held, LockClass& wanted) {
  if (!claim_search()) {
    // Its thread was stopped in a search: these two are taken to be on a cycle.
    held.suspect.store(true, std::memory_order_relaxed);
    wanted.suspect.store(true, std::memory_order_relaxed);
    return;
  }
  const bool summarised = suspect_cycle_through(&held, &wanted);
  searching.store(false, std::memory_order_release);
  if (summarised) forget_known_chains();
}

}  // namespace

ClassId class_of(LockKind kind, bool initialised, std::uint32_t site, StackId origin) {
  const auto what = static_cast<std::uint64_t>(kind) << 1 | static_cast<std::uint64_t>(initialised);
  return find_or_make(key_of(Key::Class, what << 32 | site), kind, origin, initialised, nullptr);
}

ClassId named_class(ClassId base, LockKind kind, const char* name) {
  const ClassFacts facts = facts_of(base);
  auto hash = static_cast<std::uint64_t>(kind);
  for (const char* c = name; *c != '\0'; ++c) hash = mix(hash, static_cast<unsigned char>(*c));
  const std::uint64_t key = key_of(Key::Class, hash, base.value);
  // A name that is known is not copied again: locks are named without end.
  if (const KeyMap::Value* known = remembered.find(key))
    return ClassId{static_cast<std::uint32_t>(await_value(*known))};
  const char* kept = copied(name);
  return kept != nullptr ? find_or_make(key, kind, facts.origin, facts.initialised, kept) : base;
}

ClassFacts facts_of(ClassId id) {
  const LockClass* known = class_at(id);
  return known != nullptr ? known->facts : ClassFacts{};
}

bool keeps_instances(ClassId id) {
  const LockClass* known = class_at(id);
  return known == nullptr || !known->summarised.load(std::memory_order_acquire);
}

void count_instance(ClassId id) {
  if (LockClass* known = class_at(id)) known->instances.fetch_add(1, std::memory_order_relaxed);
}

ClassOrder* class_order(ClassId held_id, ClassId wanted_id) {
  LockClass* held = class_at(held_id);
  LockClass* wanted = class_at(wanted_id);
  if (held == nullptr || wanted == nullptr) return nullptr;
  bool added;
  KeyMap::Value* value =
      remembered.find_or_add(key_of(Key::ClassOrder, held_id.value, wanted_id.value), &added);
  if (value == nullptr) return nullptr;
  if (!added) return reinterpret_cast<ClassOrder*>(await_value(*value));
  auto* order = static_cast<ClassOrder*>(arena_allocate(sizeof(ClassOrder)));
  if (order == nullptr) {
    value->store(kNoValue, std::memory_order_release);
    return nullptr;
  }
  order->held = held;
  order->wanted = wanted;
  order->next = held->orders.load(std::memory_order_relaxed);
  while (!held->orders.compare_exchange_weak(order->next, order, std::memory_order_acq_rel)) {
  }
  order_is_new(*held, *wanted);
  value->store(reinterpret_cast<std::uint64_t>(order), std::memory_order_release);
  return order;
}

void count_dependency(ClassOrder& order) {
  const bool suspect = order.held->suspect.load(std::memory_order_relaxed) &&
                       order.wanted->suspect.load(std::memory_order_relaxed);
  const std::uint32_t count = order.dependencies.fetch_add(1, std::memory_order_relaxed) + 1;
  if (count < (suspect ? kPerSuspectOrder : kPerOrder)) return;
  summarise_if_many(*order.held);
  summarise_if_many(*order.wanted);
}

std::uint32_t classes_given() {
  return next_class.load(std::memory_order_relaxed);
}

void classes_after_fork() {
  if (!searching.exchange(false)) return;
  // The search's thread was not forked with us.
  const std::uint32_t count = next_class.load(std::memory_order_relaxed);
  for (std::uint32_t id = 1; id < count; ++id)
    if (LockClass* one = class_at(ClassId{id})) {
      one->found = one->leads_back = false;
      one->next_found = nullptr;
    }
}

}  // namespace faultline
