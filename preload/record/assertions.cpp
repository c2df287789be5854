#include "record/assertions.h"

#include <cstring>

#include "fault/on_behalf.h"
#include "record/acquisition.h"
#include "record/lock_records.h"
#include "record/stacks.h"
#include "record/thread_registry.h"
#include "runtime.h"

namespace faultline {
namespace {

// Whether a claim that fails at `site` about `about`, with all that `exact` stands for, is new.
bool is_new(Claim claim, std::uint32_t site, std::uint64_t about, std::uint64_t exact) {
  constexpr std::uint64_t kMostOfOne = 64;
  const std::uint64_t what = mix(static_cast<std::uint64_t>(claim) << 32 | site, about);
  bool added;
  KeyMap::Value* count = recorded.find_or_add(key_of(Key::Assertion, what), &added);
  if (count == nullptr || count->load(std::memory_order_relaxed) >= kMostOfOne) return false;
  if (recorded.find_or_add(key_of(Key::Assertion, what, exact), &added) == nullptr || !added) return false;
  count->fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool can_write(ThreadState& writer) {
  if (!ensure_trace(writer)) return false;
  if (!trace.is_full()) return true;
  trace.lose(Lost::TraceFull);
  return false;
}

void begin(JsonLine& line, Claim claim, const ThreadState& thread, HeldId under, StackId stack) {
  line.begin("assertion").text("kind", spelling(claim)).number("thread", thread.id.value);
  line.number("under", under.value).number("stack", stack.value);
}

// Recording that was switched off, or re-entered by a signal handler, may have missed what the thread holds.
bool held_set_is_whole(const ThreadState& thread) {
  return thread.paused == 0 && thread.unwatched == 0 && thread.passed_count == 0;
}

bool holds(const ThreadState& thread, const volatile void* lock, bool exclusively) {
  for (const HeldLock* entry = thread.top; entry-- != thread.base;)
    if (entry->address == lock && (!exclusively || entry->mode == Mode::Exclusive)) return true;
  return false;
}

void lock_claim_failed(Guard& guard, Claim claim, const volatile void* lock, bool exclusively,
                       const Clients& clients, CallPoint at) {
  ThreadState& thread = guard.thread();
  if (!can_write(thread)) return;
  const Place place = call_site(guard, at).place;
  tell_held_apart(thread);
  LockWord word{};
  LockKind kind = LockKind::Custom;
  const bool known = find_known(lock, word, kind);
  if (known) word = told_apart(lock, kind, word);
  if (!is_new(claim, place.site, class_in(word).value, mix(top_key(thread) ^ clients.key, word.bits))) return;
  write_thread_record(thread, thread);
  refresh_thread_name(thread);
  const HeldId under = held_with_clients(thread, clients);
  const LockId id = known ? write_lock_record(thread, word, kind, lock, true) : LockId{};
  const StackId stack = written_stack(thread, place.stack);
  JsonLine line(thread.line, sizeof thread.line);
  begin(line, claim, thread, under, stack);
  line.number("lock", id.value).hex("addr", reinterpret_cast<std::uint64_t>(lock));
  if (claim == Claim::Held) line.text("mode", exclusively ? "exclusive" : "shared");
  write_clients(line, clients);
  trace.append(line.end());
  trace.refresh_stats();
}

// Names a thread only where the trace has it: a token outlives its giver, and a fork.
void write_last_time(ThreadState& thread, JsonLine& line, const char* key, LastTime when) {
  if (when.bits == 0) return;
  const bool has_thread = recorded.find(key_of(Key::Thread, when.thread().value)) != nullptr;
  line.open(key, '{').number("thread", has_thread ? when.thread().value : 0);
  line.number("stack", written_stack(thread, when.stack()).value).close('}');
}

}  // namespace

void assert_held(const volatile void* lock, bool exclusively, CallPoint at) {
  if (lock == nullptr) return;
  const ThreadState* active = tls.active;
  if (active != nullptr && holds(*active, lock, exclusively)) return;
  Guard guard;
  if (!guard || !held_set_is_whole(guard.thread()) || holds(guard.thread(), lock, exclusively)) return;
  ThreadState& thread = guard.thread();
  const Clients clients = clients_of(thread);
  if (client_holds(thread, clients, lock,
                   [=](const HeldLock& entry) { return !exclusively || entry.mode == Mode::Exclusive; }))
    return;
  lock_claim_failed(guard, Claim::Held, lock, exclusively, clients, at);
}

void assert_not_held(const volatile void* lock, CallPoint at) {
  const ThreadState* active = tls.active;
  if (lock == nullptr || active == nullptr || !holds(*active, lock, false)) return;
  Guard guard;
  // What others have released for it leaves the held stack with the guard.
  if (guard && holds(guard.thread(), lock, false))
    lock_claim_failed(guard, Claim::NotHeld, lock, false, Clients{}, at);
}

void token_missing(Guard& guard, const MissingToken& token, CallPoint at) {
  ThreadState& thread = guard.thread();
  if (thread.paused != 0 || !can_write(thread)) return;
  const Place place = call_site(guard, at).place;
  std::uint64_t name = 0;
  for (const char* c = token.name; *c != '\0'; ++c) name = mix(name, static_cast<unsigned char>(*c));
  tell_held_apart(thread);
  const Clients clients = clients_of(thread);
  const std::uint64_t exact =
      mix(mix(token.given.stack().value, token.revoked.stack().value), top_key(thread) ^ clients.key);
  if (!is_new(Claim::Token, place.site, name, exact)) return;
  write_thread_record(thread, thread);
  refresh_thread_name(thread);
  const HeldId under = held_with_clients(thread, clients);
  const StackId stack = written_stack(thread, place.stack);
  // Stacks are lines of their own, written before this one is begun.
  written_stack(thread, token.given.stack());
  written_stack(thread, token.revoked.stack());
  JsonLine line(thread.line, sizeof thread.line);
  begin(line, Claim::Token, thread, under, stack);
  line.text("name", token.name).hex("addr", reinterpret_cast<std::uint64_t>(token.object));
  if (token.taken) line.truth("take", true);
  write_last_time(thread, line, "given", token.given);
  write_last_time(thread, line, "revoked", token.revoked);
  write_clients(line, clients);
  trace.append(line.end());
  trace.refresh_stats();
}

void faulted_while_disabled(ThreadState& server, ThreadState& waiter, StackId stack,
                            const FaultFacts& fault) {
  if (!can_write(server)) return;
  const std::uint64_t exact = mix(top_key(waiter), static_cast<std::uint64_t>(fault.origin));
  if (!is_new(Claim::Fault, stack.value, waiter.faults_disabled_at.value, exact)) return;
  write_thread_record(server, waiter);
  const HeldId under = held_set(server, waiter);
  const StackId at = written_stack(server, stack);
  const StackId disabled = written_stack(server, waiter.faults_disabled_at);
  JsonLine line(server.line, sizeof server.line);
  begin(line, Claim::Fault, waiter, under, at);
  line.number("disabled", disabled.value);
  write_fault(line, fault);
  trace.append(line.end());
  trace.refresh_stats();
}

}  // namespace faultline
