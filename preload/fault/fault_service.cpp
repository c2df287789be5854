#include "fault/fault_service.h"

#include "fault/blocked_stack.h"
#include "fault/fuse_mounts.h"
#include "fault/mmap_lock.h"
#include "fault/pending_faults.h"
#include "fault/perf_ring.h"
#include "fault/served_ranges.h"
#include "fault/service_events.h"
#include "fault/thread_faults.h"
#include "fault/unseen_faults.h"
#include "json_line.h"
#include "options.h"
#include "record/acquisition.h"
#include "record/assertions.h"
#include "record/dependencies.h"
#include "record/held_stack.h"
#include "record/lock_records.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"
#include "sys/task_state.h"

namespace faultline {
namespace {

void become_server(ThreadState& thread) {
  thread.is_server = true;
  set_limit(thread);
}

Origin origin_by_proc(int tid) {
  switch (sys::task_call(tid).state) {
    case sys::TaskCall::State::User:
      return Origin::User;
    case sys::TaskCall::State::Call:
      return Origin::KernelCopy;
    default:
      return Origin::Unknown;
  }
}

// What is known of one fault before its dependencies are written.
struct Fault {
  FaultFacts facts;
  StackId stack;
  std::uint64_t identity;  // of the faulting place, for keys
  FaultSample sample;
};

Fault describe_fault(const ThreadState& waiter, const FaultContext& context, std::uint64_t address,
                     Access access) {
  Fault fault{};
  fault.facts.address = address;
  fault.facts.access = access;
  fault.facts.service = context.service;
  constexpr std::uint64_t kPage = 4096;
  fault.facts.exact_stack =
      newest_sample(waiter, fault.sample) && fault.sample.address / kPage == fault.facts.address / kPage;
  if (fault.facts.exact_stack) {
    fault.facts.address = fault.sample.address;
    fault.facts.origin = fault.sample.in_kernel ? Origin::KernelCopy : Origin::User;
    fault.identity = fault.sample.registers.ip;
  } else {
    fault.facts.origin = origin_by_proc(waiter.tid);
    fault.stack = waiter.top[-1].place.stack;
    fault.identity = fault.stack.value;
  }
  return fault;
}

// The stack of the faulting instruction, walked only for a fault that is new.
void walk_fault_stack(ThreadState& server, Fault& fault) {
  if (!fault.facts.exact_stack) return;
  std::size_t count = walk_blocked_stack(fault.sample.registers, server.frames, ThreadState::kMaxFrames);
  if (count == 0) server.frames[count++] = fault.sample.registers.ip;
  fault.stack = intern_stack(server.frames, count, StackBy::Registers);
}

// The dependencies of a faulting thread that holds something. Its ring may tell of more, and has little room.
void tell_served_fault(Guard& guard, const FaultContext& context, ThreadState& waiter, std::uint64_t address,
                       Access access) {
  ThreadState& server = guard.thread();
  tell_held_apart(waiter);
  Fault fault = describe_fault(waiter, context, address, access);
  const std::uint64_t key = fault_key(waiter, fault.identity, context.service, fault.facts.origin);
  if (!waiter.knows(key)) {
    walk_fault_stack(server, fault);
    record_fault(server, waiter, fault.facts, fault.stack, key);
  }
  tell_faults(server, waiter);
}

// The thread faults where the program has ruled faults out.
void tell_disabled_fault(Guard& guard, const FaultContext& context, ThreadState& waiter,
                         std::uint64_t address, Access access) {
  ThreadState& server = guard.thread();
  tell_held_apart(waiter);
  Fault fault = describe_fault(waiter, context, address, access);
  // Else the newest call known is the one that ruled faults out.
  if (!fault.facts.exact_stack) fault.stack = waiter.faults_disabled_at;
  walk_fault_stack(server, fault);
  write_service_record(server, context.service);
  faulted_while_disabled(server, waiter, fault.stack, fault.facts);
}

bool holds(const ThreadState& waiter, LockWord lock) {
  for (const HeldLock* held = waiter.base; held != waiter.top; ++held)
    if (held->word == lock) return true;
  return false;
}

// One lock that a server needs before `fault` is resolved. `own`: whether the server's present locks lie
// between (else it took the lock before it knew of the fault).
void record_served(ThreadState& server, const PendingFault& fault, StackId read_at, const HeldLock& wanted,
                   bool own) {
  const HeldId bottom = service_node(server, fault.service, read_at);
  const HeldId above = own ? held_set_above(server, server, bottom) : bottom;
  Wait wait{wanted.word, wanted.kind, wanted.address, wanted.mode, wanted.place.stack, Cause::Call, false};
  wait.serves = fault.address;
  const std::uint64_t key = mix(mix(fault.service.value, wanted.key), mix(wanted.word.bits, own));
  record_dependency(server, server, above, key, wait);

  // The declared mmap_lock is recorded as the fault's own wait.
  if (fault.waiter == nullptr || !fault.held || trace_id(wanted.word) == declared_mmap_lock().id ||
      !still_waits(fault))
    return;
  // What it had before the waiter got it says nothing of what it needs while the waiter has it.
  if (!own && holds(*fault.waiter, wanted.word)) return;
  const HeldId behalf = own ? held_set_above(server, server, fault.held) : fault.held;
  Wait served = wait;
  served.cause = Cause::Service;
  served.serves = 0;
  const Via via{fault.service, server.id};
  record_dependency(server, *fault.waiter, behalf, mix(key, fault.held_key), served, nullptr, &via);
}

void forget_log(ThreadState& server) {
  server.served_count = 0;
  server.served_overflowed = false;
}

bool is_in_log(const ThreadState& server, const HeldLock& held) {
  for (std::uint32_t i = 0; i < server.served_count; ++i)
    if (server.served[i].lock == held.word && server.served[i].place.site == held.place.site) return true;
  return false;
}

// Replays what the server took since its last idle point, or took before and holds, against a fault it has
// only now learned of.
void record_log(ThreadState& server, const PendingFault& fault, StackId at) {
  if (server.served_overflowed) trace.lose(Lost::ServerLog);
  for (const HeldLock* held = server.base; held != server.top; ++held)
    if (!is_in_log(server, *held)) record_served(server, fault, at, *held, false);
  for (std::uint32_t i = 0; i < server.served_count; ++i) {
    const ServedAcquisition& taken = server.served[i];
    const HeldLock wanted{nullptr,    taken.place.site, taken.lock, taken.place, HeldId{},
                          taken.kind, taken.mode,       false,      false};
    record_served(server, fault, at, wanted, false);
  }
}

// `waiter` is stopped in a fault of `context`, which the caller serves from now on. Null: a thread of another
// process, or not known.
void serve_fault(Guard& guard, const FaultContext& context, ThreadState* waiter, int tid,
                 std::uint64_t address, Access access, StackId read_at, Resolution* resolution = nullptr) {
  ThreadState& server = guard.thread();
  trace.stats.faults.fetch_add(1, std::memory_order_relaxed);
  if (waiter != nullptr && waiter->faults_disabled != 0 && waiter->paused == 0)
    tell_disabled_fault(guard, context, *waiter, address, access);
  if (waiter != nullptr && waiter->top != waiter->base && waiter->paused == 0)
    tell_served_fault(guard, context, *waiter, address, access);
  const HeldId held = waiter != nullptr && waiter->paused == 0 ? held_set(server, *waiter) : HeldId{};
  const PendingFault* pending =
      add_pending_fault(context.service, address, tid, waiter, held, server.id, read_at);
  if (pending == nullptr) return;
  record_log(server, *pending, read_at);
  if (resolution != nullptr) resolution->sequences[resolution->count++] = pending->sequence;
}

// What the server has done since its last idle point, as one number; 0: it has taken nothing.
std::uint64_t key_of_log(const ThreadState& server) {
  std::uint64_t key = server.top != server.base ? top_key(server) : 0;
  for (std::uint32_t i = 0; i < server.served_count; ++i)
    key = mix(key, mix(server.served[i].lock.bits, server.served[i].place.site));
  return key;
}

// Faults that are about to be resolved though nobody was seen to read of them.
void serve_unseen(Guard& guard, const FaultContext& context, std::uint64_t start, std::uint64_t length,
                  StackId at, Resolution& resolution) {
  ThreadState& server = guard.thread();
  UnseenFault faults[Resolution::kMost];
  const std::size_t count =
      context.own_memory ? find_unseen_faults(server, start, length, faults, Resolution::kMost) : 0;
  // A server that fetches ahead of the faults resolves none: looked at only where it would say something new.
  const std::uint64_t taken = key_of_log(server);
  const std::uint64_t key = mix(mix(taken, context.service.value), at.value);
  if (count == 0 && (taken == 0 || server.knows(key) || !has_waiters(context))) return;
  for (std::size_t i = 0; i < count; ++i)
    serve_fault(guard, context, faults[i].waiter, faults[i].waiter->tid, faults[i].address, Access::Unknown,
                at, &resolution);
  if (count == 0) {
    serve_fault(guard, context, nullptr, 0, start, Access::Unknown, at, &resolution);
    server.learn(key);
  }
  // For want of a better: whoever resolves what nobody was seen to read has read it.
  if (!any_reader(context.reading)) messages_were_read_by(server, context.reading, context.features, at);
}

}  // namespace

void begin_messages(Guard& guard, const FaultContext& context, CallPoint at) {
  ThreadState& server = guard.thread();
  become_server(server);
  messages_were_read_by(server, context.reading, context.features, call_site(guard, at).place.stack);
}

void message_read(Guard& guard, const FaultContext& context, const uffd_msg& message, CallPoint at) {
  if (message.event == UFFD_EVENT_FORK) {
    FaultContext of_child;
    forget_descriptor(static_cast<int>(message.arg.fork.ufd));  // made just now
    find_fault_context(guard, static_cast<int>(message.arg.fork.ufd), of_child, at);
  }
  if (message.event != UFFD_EVENT_PAGEFAULT) return;
  // Thread ids of another process may be of another namespace, and ours.
  const auto tid = static_cast<int>(message.arg.pagefault.feat.ptid);
  ThreadState* waiter = tid != 0 && context.own_memory ? thread_by_tid(tid) : nullptr;
  if (waiter == &guard.thread()) waiter = nullptr;
  const bool is_write = (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0;
  serve_fault(guard, context, waiter, tid, message.arg.pagefault.address,
              is_write ? Access::Write : Access::Read, call_site(guard, at).place.stack);
}

void end_messages(Guard& guard) {
  server_is_idle(guard.thread());
  trace.refresh_stats();
}

void begin_resolution(Guard& guard, const FaultContext& context, std::uint64_t start, std::uint64_t length,
                      CallPoint at, Resolution& resolution) {
  ThreadState& server = guard.thread();
  resolution.count = 0;
  resolution.unseen = false;
  PendingFault* faults[Resolution::kMost];
  const std::size_t count = pending_in_range(context.service, start, length, faults, Resolution::kMost);
  const StackId resolved_at = call_site(guard, at).place.stack;
  for (std::size_t i = 0; i < count; ++i) {
    resolution.sequences[resolution.count++] = faults[i]->sequence.load(std::memory_order_relaxed);
    if (faults[i]->reader != server.id) record_log(server, *faults[i], resolved_at);
  }
  become_server(server);
  resolution.unseen = count == 0;
  if (count == 0) serve_unseen(guard, context, start, length, resolved_at, resolution);
}

void resolution_failed(const Resolution& resolution) {
  if (!resolution.unseen) return;
  for (std::size_t i = 0; i < resolution.count; ++i) remove_pending_fault(resolution.sequences[i]);
}

void end_resolution(Guard& guard, const Resolution& resolution) {
  for (std::size_t i = 0; i < resolution.count; ++i) remove_pending_fault(resolution.sequences[i]);
  // When it looks for the next message is not seen either: now, as far as anybody can tell.
  if (resolution.unseen && !guard.thread().idle_is_seen) forget_log(guard.thread());
}

void request_read(Guard& guard, LockId service, std::uint64_t number, CallPoint at) {
  ThreadState& server = guard.thread();
  become_server(server);
  const StackId read_at = call_site(guard, at).place.stack;
  const PendingFault* pending = add_pending_fault(service, number, 0, nullptr, HeldId{}, server.id, read_at);
  if (pending != nullptr) record_log(server, *pending, read_at);
  server_is_idle(server);
  trace.refresh_stats();
}

void begin_answer(Guard& guard, LockId service, std::uint64_t number, CallPoint at, Resolution& resolution) {
  ThreadState& server = guard.thread();
  resolution.count = 0;
  PendingFault* requests[Resolution::kMost];
  const std::size_t count = number == kAllItRead
                                ? pending_read_by(server.id, requests, Resolution::kMost)
                                : pending_in_range(service, number, 1, requests, Resolution::kMost);
  for (std::size_t i = 0; i < count; ++i) {
    if (requests[i]->service != service) continue;
    resolution.sequences[resolution.count++] = requests[i]->sequence.load(std::memory_order_relaxed);
    if (requests[i]->reader != server.id) record_log(server, *requests[i], call_site(guard, at).place.stack);
  }
}

void end_answer(Guard& guard, const Resolution& resolution) {
  for (std::size_t i = 0; i < resolution.count; ++i) remove_pending_fault(resolution.sequences[i]);
  server_is_idle(guard.thread());
}

void range_registered(Guard& guard, const FaultContext& context, const uffdio_register& request) {
  ThreadState& thread = guard.thread();
  if (thread.top == thread.base) load_blocked_stack_unwinder();
  if (!context.own_memory) return;
  want_rings();
  if (!ensure_trace(thread)) return;
  add_served_range(context.service, request.range.start, request.range.len);
  write_service_record(thread, context.service);
  JsonLine line(thread.line, sizeof thread.line);
  line.begin("range")
      .number("service", context.service.value)
      .hex("start", request.range.start)
      .hex("length", request.range.len);
  line.open("modes", '[');
  if ((request.mode & UFFDIO_REGISTER_MODE_MISSING) != 0) line.element_text("missing");
  if ((request.mode & UFFDIO_REGISTER_MODE_WP) != 0) line.element_text("wp");
  if ((request.mode & UFFDIO_REGISTER_MODE_MINOR) != 0) line.element_text("minor");
  line.close(']');
  trace.append(line.end());
  report_fault_sources(thread);
}

void server_is_idle(ThreadState& thread) {
  forget_log(thread);
  thread.idle_is_seen = true;
  if (!thread.is_server) become_server(thread);
}

void server_acquires(Guard& guard, const HeldLock& entry) {
  ThreadState& server = guard.thread();
  if (!ensure_trace(server)) return;
  // Its record is written while the lock is sure to exist: a fault that makes it matter may come later.
  write_lock_record(server, entry.word, entry.kind, entry.address);
  PendingFault* faults[Resolution::kMost];
  const std::size_t count = pending_read_by(server.id, faults, Resolution::kMost);
  for (std::size_t i = 0; i < count; ++i) record_served(server, *faults[i], faults[i]->read_at, entry, true);
  reader_acquires(server, entry);
  server.served_overflowed |= server.served_count == ThreadState::kServerLog;
  if (!server.served_overflowed)
    server.served[server.served_count++] = {entry.word, entry.place, entry.kind, entry.mode};
}

void report_fault_sources(ThreadState& thread) {
  // Told again only when it has changed, or for a new trace.
  static constinit std::atomic<std::uint64_t> told{0};
  const RingStatus perf = ring_status();
  const std::uint64_t status = mix(reinterpret_cast<std::uint64_t>(perf.why), trace_generation);
  if (told.exchange(status, std::memory_order_relaxed) == status) return;
  const bool off = options.faults == Faults::Off;
  report_source(thread, "uffd", off ? "off" : "on",
                off ? "by option: waits of page faults are not recorded" : "");
  report_source(thread, "perf", perf.state, perf.why);
}

void faults_after_fork(ThreadState* survivor) {
  if (survivor != nullptr) survivor->reading_count = 0;
  fault_contexts_after_fork();
  fuse_mounts_after_fork();
  forget_served_ranges();
  forget_pending_faults();
  rings_after_fork();
}

}  // namespace faultline
