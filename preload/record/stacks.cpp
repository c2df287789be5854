#include "record/stacks.h"

#include <cstring>

#include "json_line.h"
#include "record/modules.h"
#include "record/thread_registry.h"
#include "record/unwinder.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/own_memory.h"

namespace faultline {
namespace {

struct KnownStack {
  StackBy by;
  std::uint32_t count;

  // The program counters follow, and the modules they were in when the stack was first seen.
  std::uintptr_t* pcs() { return reinterpret_cast<std::uintptr_t*>(this + 1); }
  ModuleId* modules() { return reinterpret_cast<ModuleId*>(pcs() + count); }
};

// Stacks by id, in blocks that never move.
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kBlocks = 1024;
constinit std::atomic<std::atomic<KnownStack*>*> blocks[kBlocks]{};
constinit std::atomic<std::uint32_t> next_stack{1};

std::atomic<KnownStack*>* slot_of(std::uint32_t id) {
  if (id / kBlock >= kBlocks) return nullptr;
  auto& block = blocks[id / kBlock];
  std::atomic<KnownStack*>* slots = block.load(std::memory_order_acquire);
  if (slots == nullptr) {
    auto* fresh =
        static_cast<std::atomic<KnownStack*>*>(map_pages(kBlock * sizeof(std::atomic<KnownStack*>)));
    if (fresh == nullptr) return nullptr;
    if (block.compare_exchange_strong(slots, fresh, std::memory_order_acq_rel)) return fresh + id % kBlock;
    unmap_pages(fresh, kBlock * sizeof(std::atomic<KnownStack*>));
  }
  return slots + id % kBlock;
}

// Whether the word at `slot` can be read whenever `frame` is the running frame: on the thread's own stack, or
// in the page of the return address just below `frame`. A coroutine's stack may end anywhere behind that.
bool always_there(const ThreadState& thread, std::uintptr_t frame, std::uintptr_t slot) {
  constexpr std::uintptr_t kPage = 4096;
  if (frame >= thread.stack_low && slot + sizeof slot <= thread.stack_high) return true;
  return slot / kPage == (frame - sizeof frame) / kPage;
}

// Finds where on the stack the return addresses of callers lie: for each the first match going outwards. The
// stack is copied by a system call, as its end is not known here and may be near.
void find_callers(ThreadState& thread, CallSite& site, std::uintptr_t frame, std::size_t count) {
  auto& words = thread.stack_words;
  const void* top = reinterpret_cast<const void*>(frame);
  std::size_t size = sizeof words;
  if (sys::probe_own_memory(words, top, size) != 0) {
    // The stack may end within; the rest of its page is always there.
    size = 4096 - frame % 4096;
    if (sys::probe_own_memory(words, top, size) != 0) size = 0;
  }
  const std::size_t available = size / sizeof words[0];
  std::size_t at = 0;
  for (std::size_t i = 0; i < CallSite::kCallers; ++i) {
    site.callers[i] = CallSite::kNoCaller;
    if (i + 1 >= count) continue;
    while (at < available && words[at] != thread.frames[i + 1]) ++at;
    if (at < available && always_there(thread, frame, frame + at * sizeof words[0]))
      site.callers[i] = static_cast<std::int16_t>(at++);
  }
  site.callers_sum = site.sum(frame);
}

// A call point whose stack differs almost every time (deep recursion, coroutines) is not worth a walk each
// time.
constexpr std::uint16_t kCapturesPerPoint = 2000;

// The stack at `at` in `thread.frames`, and the identity of its call site. The walk is done again where one
// of its frames shows that code was replaced: it may have gone by what was known of the old code.
std::size_t walk_call_site(Guard& guard, CallPoint at, bool walks, bool* walked, std::uint64_t* identity) {
  ThreadState& thread = guard.thread();
  for (;;) {
    const std::uint32_t replacements = code_replacements();
    std::size_t count = 1;
    thread.frames[0] = at.return_address;
    if (walks) count = walk_stack(guard, at, thread.frames, ThreadState::kMaxFrames, walked);
    ModuleLookup lookup;
    *identity = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const ModuleId module = lookup.of(thread.frames[i] - 1);
      if (i <= CallSite::kCallers) *identity = mix(*identity + module.value, thread.frames[i]);
    }
    if (code_replacements() == replacements) return count;
    forget_call_sites();
  }
}

void capture(Guard& guard, CallPoint at, CallSite& site) {
  ThreadState& thread = guard.thread();
  std::uint16_t& captures = thread.captures[mix(at.return_address, 0) % 256];
  const bool walks = captures < kCapturesPerPoint && has_room_to_walk(thread, at.frame);
  captures += walks;
  constexpr std::uint32_t kFewWalks = 64;
  thread.walks += walks;
  if (thread.may_own_libunwind && thread.walks > kFewWalks && thread.top == thread.base)
    begin_walking(thread);
  bool walked = false;
  std::uint64_t identity;
  const std::size_t count = walk_call_site(guard, at, walks, &walked, &identity);
  site.number = at.number();
  find_callers(thread, site, at.frame, count);
  site.place.site = static_cast<std::uint32_t>(identity ^ (identity >> 32));
  site.key = key_of_site(site.place.site);
  site.alone = site.fresh = LockWord{};
  for (std::size_t i = 0; i < count; ++i) --thread.frames[i];
  site.place.stack = intern_stack(thread.frames, count, walked ? StackBy::Unwind : StackBy::ReturnAddress);
}

}  // namespace

// An unwinder needs some 3 KiB of stack. Only the thread's own is known to have them: a coroutine's or a
// signal's may be of any size, and lie against anything.
bool has_room_to_walk(const ThreadState& thread, std::uintptr_t frame) {
  constexpr std::uintptr_t kRoom = 8 << 10;
  return frame < thread.stack_high && frame >= thread.stack_low + kRoom;
}

CallSite& call_site(Guard& guard, CallPoint at) {
  const std::uint64_t number = at.number();
  CallSite& site = guard.thread().site_at(number);
  if (site.number == 0 || !site.matches(number, at.frame)) capture(guard, at, site);
  return site;
}

void forget_call_sites() {
  // An entry that is being made meanwhile speaks of code that is there.
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at)
    for (CallSite& site : state->call_sites) __atomic_store_n(&site.number, 0, __ATOMIC_RELAXED);
}

StackId intern_stack(const std::uintptr_t* pcs, std::size_t count, StackBy by) {
  ModuleId modules[ThreadState::kMaxFrames];
  ModuleLookup lookup;
  auto hash = static_cast<std::uint64_t>(by);
  for (std::size_t i = 0; i < count; ++i) {
    modules[i] = lookup.of(pcs[i]);
    hash = mix(hash + modules[i].value, pcs[i]);
  }
  bool added;
  KeyMap::Value* value = remembered.find_or_add(key_of(Key::Stack, hash, count), &added);
  if (value != nullptr && !added) return StackId{static_cast<std::uint32_t>(await_value(*value))};
  auto* known =
      static_cast<KnownStack*>(arena_allocate(sizeof(KnownStack) + count * (sizeof *pcs + sizeof *modules)));
  const std::uint32_t id = next_stack.fetch_add(1, std::memory_order_relaxed);
  std::atomic<KnownStack*>* slot = slot_of(id);
  if (value == nullptr || known == nullptr || slot == nullptr) {
    trace.lose(Lost::Stacks);
    if (value != nullptr) value->store(kNoValue, std::memory_order_release);
    return StackId{};
  }
  known->by = by;
  known->count = static_cast<std::uint32_t>(count);
  std::memcpy(known->pcs(), pcs, count * sizeof *pcs);
  std::memcpy(known->modules(), modules, count * sizeof *modules);
  slot->store(known, std::memory_order_release);
  value->store(id, std::memory_order_release);
  return StackId{id};
}

std::uintptr_t innermost_of(StackId stack) {
  std::atomic<KnownStack*>* slot = stack ? slot_of(stack.value) : nullptr;
  KnownStack* known = slot != nullptr ? slot->load(std::memory_order_acquire) : nullptr;
  return known != nullptr && known->count > 0 ? known->pcs()[0] : 0;
}

StackId written_stack(ThreadState& thread, StackId stack) {
  if (!stack) return stack;
  std::atomic<KnownStack*>* slot = slot_of(stack.value);
  KnownStack* known = slot != nullptr ? slot->load(std::memory_order_acquire) : nullptr;
  if (known == nullptr) return StackId{};
  bool added;
  KeyMap::Value* written = recorded.find_or_add(key_of(Key::StackWritten, stack.value), &added);
  if (written == nullptr) return StackId{};
  if (!added) return await_value(*written) != 0 ? stack : StackId{};
  // Modules first: their records are lines of their own.
  ModuleId modules[ThreadState::kMaxFrames];
  for (std::uint32_t i = 0; i < known->count; ++i) modules[i] = written_module(thread, known->modules()[i]);
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("stack").number("id", stack.value).text("by", spelling(known->by)).open("frames", '[');
  for (std::uint32_t i = 0; i < known->count; ++i) {
    const CodeLocation frame = location_in(modules[i], known->pcs()[i]);
    line.open_element().element(frame.module.value).element(frame.offset).close(']');
  }
  line.close(']');
  const bool appended = trace.append(line.end());
  written->store(appended ? 1 : kNoValue, std::memory_order_release);
  return appended ? stack : StackId{};
}

}  // namespace faultline
