#include "record/thread_registry.h"

#include <sys/prctl.h>

#include <cstring>

#include "fault/perf_ring.h"
#include "json_line.h"
#include "raw_syscall.h"
#include "real.h"
#include "record/dependencies.h"
#include "record/held_stack.h"
#include "record/unwinder.h"
#include "runtime.h"
#include "sys/arena.h"
#include "sys/libc_locks.h"
#include "sys/mappings.h"
#include "sys/own_memory.h"
#include "wait/wait.h"

// The dynamic loader's: where the main thread's stack began. Weak, or glibc's loader would be needed by name
// and no other libc could load the shim.
extern "C" void* __libc_stack_end __attribute__((weak));

namespace faultline {
namespace {

// Every state ever made, in order. Never freed, so a reader needs no lock; a process with more live threads
// than this has the rest unwatched.
constexpr std::uint32_t kMaxStates = 32768;
constinit std::atomic<ThreadState*> states[kMaxStates]{};
constinit std::atomic<std::uint32_t> state_count{0};
constinit std::atomic<std::uint32_t> free_hint{0};  // no free state below it, most likely
constinit std::atomic<std::uint32_t> next_thread{1};

// The state of a thread by the low bits of its kernel id, for whoever finds the id in a lock. A slot may hold
// a thread of the past, or another one with the same bits.
constexpr std::uint32_t kTidSlots = 32768;
constinit std::atomic<ThreadState*> by_tid[kTidSlots]{};

std::atomic<ThreadState*>& tid_slot(int tid) {
  return by_tid[static_cast<std::uint32_t>(tid) % kTidSlots];
}

constinit pthread_key_t end_key = 0;
constinit bool have_end_key = false;

// Kernel ids of the threads that ended last: they have yet to leave the kernel.
constexpr std::uint32_t kLatelyEnded = 64;
constinit std::atomic<int> lately_ended[kLatelyEnded]{};
constinit std::atomic<std::uint32_t> ended_count{0};

ThreadState* take_free_state() {
  const std::uint32_t count = state_count.load(std::memory_order_acquire);
  for (std::uint32_t i = free_hint.load(std::memory_order_relaxed); i < count; ++i) {
    ThreadState* state = states[i].load(std::memory_order_acquire);
    if (state == nullptr || state->in_use.load(std::memory_order_relaxed) ||
        state->in_use.exchange(true, std::memory_order_acq_rel))
      continue;
    free_hint.store(i + 1, std::memory_order_relaxed);
    return state;
  }
  const std::uint32_t index =
      state_count.load(std::memory_order_relaxed) < kMaxStates ? state_count.fetch_add(1) : kMaxStates;
  auto* fresh = index < kMaxStates ? static_cast<ThreadState*>(map_pages(sizeof(ThreadState))) : nullptr;
  if (fresh == nullptr) {
    trace.lose(Lost::Threads);
    return nullptr;
  }
  fresh->in_use.store(true, std::memory_order_relaxed);
  hold_in(*fresh, fresh->inline_held, ThreadState::kHeldAtFirst);
  states[index].store(fresh, std::memory_order_release);
  return fresh;
}

ThreadState* new_state() {
  ThreadState* state = take_free_state();
  if (state == nullptr) return nullptr;
  state->top = state->base;
  state->is_server = false;
  state->waits_in_steps = false;
  state->id = ThreadId{next_thread.fetch_add(1, std::memory_order_relaxed)};
  state->epoch = 1;
  state->tid = 0;
  state->parent = ThreadId{};
  state->parent_epoch = 0;
  state->start_routine = nullptr;
  state->exit_rounds = 0;
  state->fresh_locks = 0;
  state->forget_known.store(false, std::memory_order_relaxed);
  state->name[0] = '\0';
  state->ring = nullptr;
  state->reads_ring = state->ring_refused = state->ring_was_full = false;
  state->ring_rests = 0;
  state->served_count = 0;
  state->served_overflowed = false;
  state->reading_count = 0;
  state->idle_is_seen = false;
  state->passed_count = 0;
  state->owns_libunwind = false;
  state->may_own_libunwind = libc_allocates();
  state->walks = 0;
  state->inlined_mutex_kinds = libc::inlined_mutex_kinds;
  state->inlines_others = libc::inlines_others;
  state->deferred_count = 0;
  state->paused = 0;
  state->unwatched = 0;
  state->faults_disabled = 0;
  state->loader_call_count = 0;
  state->holds_files = false;
  state->next_subclass = 0;
  state->announced = nullptr;
  state->announced_is_published = false;
  for (auto& slot : state->released_by_others) slot.store(nullptr, std::memory_order_relaxed);
  set_limit(*state);
  state->wait.reset();
  return state;
}

void release_state(ThreadState& state) {
  // What another thread will find here must not speak of this one's stack.
  std::memset(state.known, 0, sizeof state.known);
  std::memset(static_cast<void*>(state.call_sites), 0, sizeof state.call_sites);
  std::memset(state.captures, 0, sizeof state.captures);
  std::memset(static_cast<void*>(state.side_words), 0, sizeof state.side_words);
  state.tid = 0;
  state.in_use.store(false, std::memory_order_release);
  free_hint.store(0, std::memory_order_relaxed);
}

// The destructor of our thread-specific key. Other keys' destructors may still take locks: it puts itself
// back until the last round.
void thread_is_ending(void* value) {
  auto* state = static_cast<ThreadState*>(value);
  if (++state->exit_rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(end_key, value) == 0)
    return;
  end_thread();
}

// Threads by pthread_t: the newest one to have it.
std::uint64_t handle_key(pthread_t handle) {
  return key_of(Key::Thread, 0, static_cast<std::uint64_t>(handle));
}

void know_handle(pthread_t handle, ThreadId thread) {
  bool added;
  if (KeyMap::Value* by_handle = remembered.find_or_add(handle_key(handle), &added))
    by_handle->store(thread.value, std::memory_order_release);
}

void next_epoch(ThreadState& thread) {
  ++thread.epoch;
  // What is known was told for the epoch before.
  std::memset(thread.known, 0, sizeof thread.known);
  // What others join tells of its acquisitions also where it holds nothing else.
  if (thread.parent)
    for (CallSite& site : thread.call_sites) site.alone = LockWord{};
}

}  // namespace

void initialise_registry() {
  have_end_key = pthread_key_create(&end_key, thread_is_ending) == 0;
}

ThreadState* prepare_thread(ThreadState& parent) {
  ThreadState* state = new_state();
  if (state == nullptr) return nullptr;
  if (ensure_trace(parent)) write_thread_record(parent, parent);
  state->parent = parent.id;
  state->parent_epoch = parent.epoch;
  return state;
}

void thread_created(ThreadState& parent) {
  next_epoch(parent);
}

void learn_handle(ThreadId child, const pthread_t* handle) {
  // A thread that has begun has told so itself; it may have ended since, left its handle to another, and
  // freed the memory that this one is in.
  pthread_t known = 0;
  if (recorded.find(key_of(Key::Thread, child.value)) == nullptr &&
      sys::probe_own_memory(&known, handle, sizeof known) == 0)
    know_handle(known, child);
}

void discard_thread(ThreadState& prepared) {
  release_state(prepared);
}

namespace {

// The bounds of the thread's own stack, or of a part of it. The main thread's grows downwards: what the
// kernel keeps free below it counts too. Of the others, glibc keeps the control block at the upper end of the
// stack; it is not asked by pthread_getattr_np, which takes memory from the program's heap.
void find_own_stack(ThreadState& state) {
  state.stack_low = state.stack_high = 0;
  const auto control_block = reinterpret_cast<std::uintptr_t>(pthread_self());
  if (state.tid == sys::call(SYS_getpid)) {
    constexpr std::uintptr_t kKeptFree = 8 << 20;
    state.stack_high = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
    state.stack_low = state.stack_high - kKeptFree;
  } else if (state.start_routine == nullptr) {
    // Not created before our eyes: it may be anywhere.
    Mapping stack;
    if (find_mapping(state.line, sizeof state.line, control_block, stack)) {
      state.stack_low = stack.low;
      state.stack_high = stack.high;
    }
  } else {
    // More than the control block takes of the size that was asked for.
    constexpr std::size_t kControlBlock = 4096;
    if (state.stack_size <= kControlBlock || state.stack_size - kControlBlock > control_block) return;
    state.stack_low = control_block - (state.stack_size - kControlBlock);
    state.stack_high = control_block;
  }
}

// The calling thread's kernel id, as libc has it: what it writes into locks. Where they differ (a child made
// by the bare system call keeps its parent's) libc's is what counts for locks.
int own_tid() {
  if (libc::inlined_mutex_kinds >= 0) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    real::pthread_mutex_lock(&mutex);
    const int owner = mutex.__data.__owner;
    real::pthread_mutex_unlock(&mutex);
    if (owner != 0) return owner;
  }
  return static_cast<int>(sys::call(SYS_gettid));
}

void become(ThreadState* state) {
  tls.state = state;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  tls.ended = false;
  state->tid = own_tid();
  tid_slot(state->tid).store(state, std::memory_order_release);
  trace.stats.threads.fetch_add(1, std::memory_order_relaxed);
  sys::call(SYS_prctl, PR_GET_NAME, sys::as_long(state->name));
  // The first thread walks most often, and starts before any lock is taken.
  if (state->tid == sys::call(SYS_getpid)) begin_walking(*state);
  find_own_stack(*state);
  if (have_end_key) pthread_setspecific(end_key, state);
  know_handle(pthread_self(), state->id);
  if (ensure_trace(*state)) write_thread_record(*state, *state);
}

}  // namespace

void count_fresh_locks(ThreadState& thread) {
  trace.stats.locks.fetch_add(thread.fresh_locks, std::memory_order_relaxed);
  thread.fresh_locks = 0;
}

ThreadState* adopt_thread() {
  ThreadState* state = new_state();
  if (state == nullptr) {
    tls.ended = true;
    return nullptr;
  }
  become(state);
  return state;
}

void begin_thread(ThreadState& prepared) {
  // From here a signal handler's hooks pass through. One that came before has registered the thread for
  // itself.
  tls.ended = true;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  end_thread();
  become(&prepared);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  set_active(&prepared);
}

void end_thread() {
  ThreadState* state = tls.state;
  if (state == nullptr) return;
  set_inactive();
  tls.ended = true;
  close_ring(*state);
  end_walking(*state);
  count_fresh_locks(*state);
  thread_ends(*state);
  if (recording() && trace.is_open()) {
    JsonLine line(state->line, sizeof state->line);
    trace.append(line.begin("exit").number("thread", state->id.value).number("epoch", state->epoch).end());
    trace.refresh_stats();
  }
  lately_ended[ended_count.fetch_add(1, std::memory_order_relaxed) % kLatelyEnded].store(
      state->tid, std::memory_order_relaxed);
  release_state(*state);
  tls.state = nullptr;
}

bool has_ended_lately(int tid) {
  for (const auto& ended : lately_ended)
    if (ended.load(std::memory_order_relaxed) == tid) return true;
  return false;
}

void thread_joined(Guard& joiner, pthread_t joined) {
  ThreadState& thread = joiner.thread();
  const ThreadId id = thread_by_handle(joined);
  // Of a thread that left no record, or belongs to a process this one was forked from, there is nothing to
  // order.
  if (!id || !ensure_trace(thread) || recorded.find(key_of(Key::Thread, id.value)) == nullptr) return;
  write_thread_record(thread, thread);
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("join")
                   .number("thread", thread.id.value)
                   .number("epoch", thread.epoch)
                   .number("joined", id.value)
                   .end());
  next_epoch(thread);
}

ThreadId thread_by_handle(pthread_t handle) {
  const KeyMap::Value* id = remembered.find(handle_key(handle));
  return ThreadId{id != nullptr ? static_cast<std::uint32_t>(id->load(std::memory_order_acquire)) : 0};
}

ThreadState* state_at(std::uint32_t at) {
  // One that is being made is passed over by ending early: its thread does not run yet.
  return at < kMaxStates && at < state_count.load(std::memory_order_acquire)
             ? states[at].load(std::memory_order_acquire)
             : nullptr;
}

bool is_live(const ThreadState& state) {
  return state.in_use.load(std::memory_order_acquire) && state.tid != 0;
}

ThreadState* thread_by_tid(int tid) {
  std::atomic<ThreadState*>& slot = tid_slot(tid);
  ThreadState* const newest = slot.load(std::memory_order_acquire);
  if (newest == nullptr) return nullptr;
  if (newest->tid == tid && is_live(*newest)) return newest;
  ThreadState* const found = find_thread([tid](const ThreadState& state) { return state.tid == tid; });
  if (found != nullptr) slot.store(found, std::memory_order_release);
  return found;
}

void refresh_thread_name(ThreadState& thread) {
  char name[sizeof thread.name] = {};
  sys::call(SYS_prctl, PR_GET_NAME, sys::as_long(name));
  if (std::memcmp(name, thread.name, sizeof name) == 0) return;
  std::memcpy(thread.name, name, sizeof name);
  JsonLine line(thread.line, sizeof thread.line);
  trace.append(line.begin("thread_name").number("id", thread.id.value).text("name", thread.name).end());
}

void registry_after_fork(ThreadState* survivor) {
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at) {
    state->ring = nullptr;  // not mapped in the child
    state->ring_readers.store(0, std::memory_order_relaxed);
    state->reads_ring = state->ring_refused = state->ring_was_full = false;
    state->ring_rests = 0;
    if (state != survivor && state->in_use.load()) release_state(*state);
  }
  if (survivor == nullptr) return;
  survivor->tid = own_tid();
  tid_slot(survivor->tid).store(survivor, std::memory_order_release);
  survivor->parent = ThreadId{};
  std::memset(survivor->known, 0, sizeof survivor->known);
  for (HeldLock* held = survivor->base; held != survivor->top; ++held) held->node = HeldId{};
}

}  // namespace faultline
