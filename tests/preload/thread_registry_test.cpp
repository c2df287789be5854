// The threads of the process: one state each, whoever registers them.
#include "record/thread_registry.h"

#include <doctest/doctest.h>

#include <thread>

#include "recording.h"

using namespace faultline;

namespace {

std::size_t exits_of(ThreadId thread) {
  std::size_t count = 0;
  for (const Json& record : records("exit")) count += record.at("thread") == thread.value;
  return count;
}

struct Seen {
  ThreadId before;
  ThreadId after;
  std::size_t live = 0;  // states with the thread's kernel id
};

// A thread that `prepared` was made for; `interrupted`: by a signal handler that locks, before its first act.
Seen run_prepared(ThreadState& prepared, bool interrupted) {
  Seen seen;
  std::thread thread([&] {
    if (interrupted) {
      Guard handler;
      seen.before = handler.thread().id;
    }
    begin_thread(prepared);
    Guard guard;
    seen.after = guard.thread().id;
    for (std::uint32_t at = 0; const ThreadState* state = state_at(at); ++at)
      seen.live += is_live(*state) && state->tid == guard.thread().tid;
  });
  thread.join();
  return seen;
}

ThreadState& prepare() {
  record_here();
  Guard guard;
  REQUIRE(guard);
  ThreadState* const prepared = prepare_thread(guard.thread());
  REQUIRE(prepared != nullptr);
  return *prepared;
}

}  // namespace

TEST_CASE("threads: a created thread becomes the state prepared for it, and ends once") {
  ThreadState& prepared = prepare();
  const ThreadId id = prepared.id;
  const Seen seen = run_prepared(prepared, false);
  CHECK(seen.after == id);
  CHECK(seen.live == 1);
  CHECK(exits_of(id) == 1);
}

TEST_CASE("threads: a signal handler that locks before a thread's first act leaves no second thread behind") {
  ThreadState& prepared = prepare();
  const ThreadId id = prepared.id;
  const Seen seen = run_prepared(prepared, true);
  CHECK(seen.before != id);
  CHECK(seen.after == id);
  CHECK(seen.live == 1);
  CHECK(exits_of(seen.before) == 1);
  CHECK(exits_of(id) == 1);
}
