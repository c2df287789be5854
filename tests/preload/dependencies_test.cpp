// Dependencies: each written once per thread and epoch, with its held set, up to the bounds of the trace
// format.
#include "record/dependencies.h"

#include <doctest/doctest.h>

#include "record/lock_identity.h"
#include "record/thread_registry.h"
#include "recording.h"
#include "sys/key_map.h"

using namespace faultline;

namespace {

// A lock that is no object in memory, as a service is.
HeldLock held(LockId lock, Mode mode = Mode::Exclusive, bool by_trylock = false) {
  HeldLock entry{};
  entry.word = word_of_instance(lock);
  entry.kind = LockKind::Service;
  entry.mode = mode;
  entry.by_trylock = by_trylock;
  return entry;
}

Wait wait_for(LockId lock, bool timed = false) {
  return {.to = word_of_instance(lock),
          .kind = LockKind::Service,
          .address = nullptr,
          .mode = Mode::Exclusive,
          .stack = StackId{},
          .cause = Cause::Call,
          .timed = timed};
}

std::vector<Json> into(LockId lock) {
  std::vector<Json> found = records("dep");
  std::erase_if(found, [=](const Json& record) { return record.at("to") != lock.value; });
  return found;
}

std::size_t held_records(HeldId node) {
  std::size_t count = 0;
  for (const Json& record : records("held")) count += record.at("id") == node.value;
  return count;
}

// Threads that never run: to the recorder they are as good as others.
class Threads {
 public:
  Threads(ThreadState& parent, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) states_.push_back(prepare_thread(parent));
  }
  ~Threads() {
    for (ThreadState* state : states_) discard_thread(*state);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ThreadState& operator[](std::size_t i) const { return *states_.at(i); }

 private:
  std::vector<ThreadState*> states_;
};

}  // namespace

TEST_CASE("dependencies: written once in an epoch, and again in the next") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  ThreadState& thread = guard.thread();
  const LockId lock = new_lock_id();
  const std::uint64_t key = mix(lock.value, 1);
  CHECK_FALSE(already_recorded(thread, key));
  record_dependency(thread, thread, HeldId{}, key, wait_for(lock));
  CHECK(already_recorded(thread, key));
  record_dependency(thread, thread, HeldId{}, key, wait_for(lock));
  REQUIRE(into(lock).size() == 1);
  const std::uint32_t epoch = thread.epoch;
  CHECK(into(lock)[0].at("thread") == thread.id.value);
  CHECK(into(lock)[0].at("epoch") == epoch);
  CHECK_FALSE(into(lock)[0].contains("timed"));
  thread_created(thread);  // which begins an epoch
  CHECK_FALSE(already_recorded(thread, key));
  record_dependency(thread, thread, HeldId{}, key, wait_for(lock));
  REQUIRE(into(lock).size() == 2);
  CHECK(into(lock)[1].at("epoch") == epoch + 1);
}

TEST_CASE("dependencies: another key, or another thread, is another dependency") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const Threads others(guard.thread(), 1);
  const LockId lock = new_lock_id();
  record_dependency(guard.thread(), guard.thread(), HeldId{}, mix(lock.value, 1), wait_for(lock));
  record_dependency(guard.thread(), guard.thread(), HeldId{}, mix(lock.value, 2), wait_for(lock, true));
  record_dependency(guard.thread(), others[0], HeldId{}, mix(lock.value, 1), wait_for(lock));
  const std::vector<Json> written = into(lock);
  REQUIRE(written.size() == 3);
  CHECK(written[1].at("timed") == true);
  CHECK(written[2].at("thread") == others[0].id.value);
}

TEST_CASE("dependencies: after 1,024 more epochs of one thread a last one stands for all that follow") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const Threads others(guard.thread(), 1);
  const LockId lock = new_lock_id();
  for (int epoch = 0; epoch < 1100; ++epoch) {
    record_dependency(guard.thread(), others[0], HeldId{}, mix(lock.value, 1), wait_for(lock));
    thread_created(others[0]);
  }
  const std::vector<Json> written = into(lock);
  REQUIRE(written.size() == 1025);
  for (std::size_t i = 0; i < 1024; ++i) REQUIRE_FALSE(written[i].contains("open"));
  CHECK(written[1024].at("open") == "epochs");
}

TEST_CASE("dependencies: after 256 threads a last one stands for all that follow") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const Threads others(guard.thread(), 300);
  const LockId lock = new_lock_id();
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < 300; ++i)
      record_dependency(guard.thread(), others[i], HeldId{}, mix(lock.value, 1), wait_for(lock));
  const std::vector<Json> written = into(lock);
  REQUIRE(written.size() == 257);
  for (std::size_t i = 0; i < 256; ++i) REQUIRE_FALSE(written[i].contains("open"));
  CHECK(written[256].at("open") == "threads");
  // What is told once for all is told no more, in no epoch.
  thread_created(others[299]);
  record_dependency(guard.thread(), others[299], HeldId{}, mix(lock.value, 1), wait_for(lock));
  CHECK(into(lock).size() == 257);
}

TEST_CASE("held nodes: one for each held set, whoever holds it; mode and trylock tell them apart") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const LockId bottom = new_lock_id();
  const LockId top = new_lock_id();
  const HeldId alone = held_node(guard.thread(), HeldId{}, held(bottom));
  CHECK(alone.value != 0);
  CHECK(held_node(guard.thread(), HeldId{}, held(bottom)) == alone);
  CHECK(held_node(guard.thread(), HeldId{}, held(bottom, Mode::SharedFair)) != alone);
  CHECK(held_node(guard.thread(), HeldId{}, held(bottom, Mode::Exclusive, true)) != alone);
  const HeldId both = held_node(guard.thread(), alone, held(top));
  CHECK(both != held_node(guard.thread(), HeldId{}, held(top)));
  std::atomic<int> same{0};
  in_threads(4, [&](int) {
    Guard other;
    same += other && held_node(other.thread(), alone, held(top)) == both;
  });
  CHECK(same == 4);
  CHECK(held_records(alone) == 1);
  CHECK(held_records(both) == 1);
}

TEST_CASE("held set: the nodes of a thread's stack, a lock taken again adds none") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const Threads others(guard.thread(), 1);
  ThreadState& holder = others[0];
  CHECK_FALSE(held_set(guard.thread(), holder));
  const LockId bottom = new_lock_id();
  const LockId top = new_lock_id();
  for (const LockId lock : {bottom, top, bottom}) *holder.top++ = held(lock);
  const HeldId all = held_set(guard.thread(), holder);
  const HeldId alone = held_node(guard.thread(), HeldId{}, held(bottom));
  CHECK(all == held_node(guard.thread(), alone, held(top)));
  CHECK(holder.base[0].node == alone);
  CHECK(holder.base[1].node == all);
  CHECK(holder.base[2].node == all);
  // On top of another's: the same locks, other nodes.
  const HeldId below = held_node(guard.thread(), HeldId{}, held(new_lock_id()));
  const HeldId above = held_set_above(guard.thread(), holder, below);
  CHECK(above != all);
  CHECK(above == held_node(guard.thread(), held_node(guard.thread(), below, held(bottom)), held(top)));
  holder.top = holder.base;
}
