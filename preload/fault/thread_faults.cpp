#include "fault/thread_faults.h"

#include "fault/blocked_stack.h"
#include "fault/contexts.h"
#include "fault/fuse_mounts.h"
#include "fault/mmap_lock.h"
#include "fault/served_ranges.h"
#include "record/acquisition.h"
#include "record/held_stack.h"
#include "record/stacks.h"

// The shim's own code, as the linker has it.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));
extern "C" const char etext[] __attribute__((visibility("hidden")));

namespace faultline {
namespace {

bool is_own_code(std::uint64_t instruction) {
  return instruction >= reinterpret_cast<std::uintptr_t>(__ehdr_start) &&
         instruction < reinterpret_cast<std::uintptr_t>(etext);
}

// The newest entry may be of a lock that is only about to be taken: touching its word is part of that.
bool is_newest_lock_word(const ThreadState& thread, std::uint64_t address) {
  return address - reinterpret_cast<std::uintptr_t>(thread.top[-1].address) < sizeof(pthread_rwlock_t);
}

FaultSamples samples_between(const PerfRing& ring, std::uint64_t tail, std::uint64_t head) {
  return FaultSamples(ring.data(), ring.data_size, is_at_rest(tail, head) ? head : tail, head,
                      options.stacks);
}

StackId stack_of(ThreadState& writer, const FaultSamples& samples, const FaultSample& sample) {
  samples.copy_stack(sample, writer.stack_words);
  std::size_t count = walk_stack_piece(writer, sample.registers, writer.stack_words, sample.stack_size,
                                       writer.frames, ThreadState::kMaxFrames);
  if (count == 0) writer.frames[count++] = sample.registers.ip;
  return intern_stack(writer.frames, count, StackBy::Registers);
}

FaultFacts facts_of(const FaultSample& sample) {
  return {sample.address, Access::Unknown, sample.in_kernel ? Origin::KernelCopy : Origin::User,
          service_of_range(sample.address, 1), sample.registers.ip != 0};
}

// Of what `waiter` holds now.
std::uint64_t key_of_fault(const ThreadState& waiter, const FaultFacts& facts, const FaultSample& sample) {
  const std::uint64_t place = facts.exact_stack ? sample.registers.ip : waiter.top[-1].place.stack.value;
  return fault_key(waiter, place, facts.service, facts.origin);
}

// Whether there is nothing to tell of it.
bool is_told(const ThreadState& waiter, const FaultFacts& facts, const FaultSample& sample) {
  return waiter.knows(key_of_fault(waiter, facts, sample)) || is_own_code(sample.registers.ip) ||
         is_newest_lock_word(waiter, sample.address);
}

void tell_fault(ThreadState& writer, ThreadState& waiter, const FaultSamples& samples,
                const FaultSample& sample) {
  const FaultFacts facts = facts_of(sample);
  if (!facts.service) trace.stats.faults.fetch_add(1, std::memory_order_relaxed);
  if (is_told(waiter, facts, sample)) return;
  tell_held_apart(waiter);
  const std::uint64_t key = key_of_fault(waiter, facts, sample);
  if (waiter.knows(key)) return;
  if (facts.service) trace.stats.faults.fetch_add(1, std::memory_order_relaxed);
  const StackId stack = facts.exact_stack ? stack_of(writer, samples, sample) : waiter.top[-1].place.stack;
  record_fault(writer, waiter, facts, stack, key);
}

bool has_been_full(const PerfRing& ring, std::uint64_t tail, std::uint64_t head) {
  // The largest record, and the one before it that tells how many were lost.
  constexpr std::size_t kLargest = kStackPiece + 256;
  return head - tail + (options.stacks ? kLargest : 64) > ring.data_size;
}

// The kernel tells at the start of what it writes next how many samples the full ring had no room for.
void count_lost(ThreadState& owner, const PerfRing& ring, std::uint64_t tail, std::uint64_t head) {
  if (!owner.ring_was_full || tail == head) return;
  owner.ring_was_full = false;
  FaultSamples samples = samples_between(ring, tail, head);
  FaultSample first;
  samples.next(first);
  trace.lose(Lost::FaultRing, samples.lost());
}

// A signal handler, or the server of a stopped thread's fault, may have read on meanwhile: then it stays so.
void set_tail(PerfRing& ring, std::uint64_t from, std::uint64_t to) {
  ring.tail.compare_exchange_strong(from, to, std::memory_order_release, std::memory_order_relaxed);
}

// Times that a ring rests for one time that its thread faulted while it held nothing: to rest costs each pair
// of lock and unlock some 10 ns, and spares each such fault some 300.
constexpr std::uint8_t kRestsPerFault = 32;

void pass_over(ThreadState& owner, PerfRing& ring) {
  const std::uint64_t tail = ring.tail.load(std::memory_order_relaxed);
  const std::uint64_t head = ring.head.load(std::memory_order_acquire);
  if (tail == head) return;
  if (owner.top == owner.base && !is_at_rest(tail, head)) owner.ring_rests = kRestsPerFault;
  count_lost(owner, ring, tail, head);
  set_tail(ring, tail, head);
}

// Without a guarded section, and so without a record: passes over samples that there is nothing to tell of,
// as those of an instruction that faults time and again are. False: there are others.
bool passed_over_told(ThreadState& thread) {
  PerfRing& ring = *thread.ring;
  const std::uint64_t tail = ring.tail.load(std::memory_order_relaxed);
  const std::uint64_t head = ring.head.load(std::memory_order_acquire);
  if (thread.ring_was_full || is_at_rest(tail, head) || has_been_full(ring, tail, head)) return false;
  FaultSamples samples = samples_between(ring, tail, head);
  FaultSample sample;
  std::uint64_t unserved = 0;
  while (samples.next(sample)) {
    const FaultFacts facts = facts_of(sample);
    if (!is_told(thread, facts, sample)) return false;
    unserved += !facts.service;
  }
  if (samples.mappings() > 0) return false;
  trace.stats.faults.fetch_add(unserved, std::memory_order_relaxed);
  set_tail(ring, tail, head);
  return true;
}

void tell(ThreadState& writer, ThreadState& owner, PerfRing& ring) {
  if (owner.top == owner.base || owner.paused != 0) return pass_over(owner, ring);
  const std::uint64_t tail = ring.tail.load(std::memory_order_relaxed);
  const std::uint64_t head = ring.head.load(std::memory_order_acquire);
  if (tail == head) return;
  // A signal handler put it to rest between the look before an acquisition and that.
  if (is_at_rest(tail, head)) {
    trace.lose(Lost::FaultRing);
    return set_tail(ring, tail, head);
  }
  count_lost(owner, ring, tail, head);
  FaultSamples samples = samples_between(ring, tail, head);
  FaultSample sample;
  while (samples.next(sample)) tell_fault(writer, owner, samples, sample);
  if (samples.mappings() > 0) mappings_were_changed(writer, owner);
  owner.ring_was_full = has_been_full(ring, tail, head);
  set_tail(ring, tail, head);
}

}  // namespace

void tell_faults(ThreadState& writer, ThreadState& stopped) {
  const RingInUse ring(stopped);
  if (ring.get() != nullptr && stopped.reads_ring) tell(writer, stopped, *ring.get());
}

void tell_own_faults(ThreadState& thread) {
  if (thread.reads_ring) return tell(thread, thread, *thread.ring);
  thread.reads_ring = true;
  pass_over(thread, *thread.ring);
}

void pass_over_own_faults(ThreadState& thread) {
  if (thread.reads_ring) pass_over(thread, *thread.ring);
}

void rest_if_idle(ThreadState& thread) {
  if (thread.ring_rests == 0 || thread.top != thread.base || !thread.reads_ring || thread.ring_was_full ||
      any_served_range())
    return;
  --thread.ring_rests;
  PerfRing& ring = *thread.ring;
  const std::uint64_t head = ring.head.load(std::memory_order_acquire);
  set_tail(ring, ring.tail.load(std::memory_order_relaxed), head + 1);
}

ThreadState* watched_thread() {
  ThreadState* thread = tls.active;
  if (thread == nullptr || !thread->reads_ring || is_unnoticed_child()) return nullptr;
  if (__builtin_expect(!has_new_samples(*thread->ring), 1)) return thread;
  if (thread->top == thread->base && !thread->ring_was_full) {
    pass_over(*thread, *thread->ring);
    return thread;
  }
  if (thread->top != thread->base && passed_over_told(*thread)) return thread;
  { const Guard guard; }
  return tls.active == thread && thread->reads_ring ? thread : nullptr;
}

bool newest_sample(const ThreadState& thread, FaultSample& sample) {
  const RingInUse in_use(thread);
  const PerfRing* ring = in_use.get();
  if (ring == nullptr) return false;
  FaultSamples samples = samples_between(*ring, ring->tail.load(std::memory_order_acquire),
                                         ring->head.load(std::memory_order_acquire));
  bool any = false;
  while (samples.next(sample)) any = true;
  return any;
}

std::uint64_t fault_key(const ThreadState& waiter, std::uint64_t place, LockId service, Origin origin) {
  return mix(mix(top_key(waiter), place), mix(service.value, static_cast<std::uint64_t>(origin)));
}

void record_fault(ThreadState& writer, ThreadState& waiter, const FaultFacts& facts, StackId stack,
                  std::uint64_t key) {
  const HeldId under = held_set(writer, waiter);
  // A thread that holds its own mmap_lock and faults waits for the service only: the lock is its own already,
  // and re-entry is judged as such.
  record_dependency(writer, waiter, under, mix(key, 1),
                    facts.service ? mmap_lock_wait(stack) : model_mmap_lock_wait(stack), &facts);
  if (facts.service) {
    write_service_record(writer, facts.service);
    Wait service{word_of_instance(facts.service),
                 LockKind::Service,
                 nullptr,
                 Mode::Exclusive,
                 stack,
                 Cause::Fault,
                 false};
    // The kernel may have had the page of a file.
    service.observed = !is_fuse_service(facts.service);
    record_dependency(writer, waiter, under, mix(key, 2), service, &facts);
  }
  waiter.learn(key);
}

}  // namespace faultline
