// The stack of held locks against a plain list: any order of release, keys that follow what lies below, no
// limit, and releases by other threads.
#include "record/held_stack.h"

#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <thread>

#include "record/lock_identity.h"
#include "recording.h"

using namespace faultline;

namespace {

// Objects to be locked; what lies in them does not matter here.
char objects[2000];

HeldLock held(std::size_t object, Mode mode = Mode::Exclusive, std::uint32_t site = 7) {
  HeldLock entry{};
  entry.address = &objects[object];
  entry.word = lock_word(ClassId{}, static_cast<std::uint32_t>(object + 1));
  entry.place.site = site;
  entry.kind = LockKind::Mutex;
  entry.mode = mode;
  return entry;
}

void push(ThreadState& thread, HeldLock entry) {
  entry.key = chain_key(top_key(thread), entry.word, entry.mode, key_of_site(entry.place.site));
  REQUIRE(push_held(thread, entry));
}

std::vector<const void*> addresses(const ThreadState& thread) {
  std::vector<const void*> all;
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry) all.push_back(entry->address);
  return all;
}

// Whether each key is the one that the entries up to it give.
bool keys_are_right(const ThreadState& thread) {
  std::uint64_t below = 0;
  for (const HeldLock* entry = thread.base; entry != thread.top; ++entry) {
    below = chain_key(below, entry->word, entry->mode, key_of_site(entry->place.site));
    if (entry->key != below) return false;
  }
  return true;
}

// The calling thread's own state, and whatever the test leaves in it taken away again.
class OwnStack {
 public:
  OwnStack() {
    REQUIRE(guard_);
    REQUIRE(thread().top == thread().base);
  }
  ~OwnStack() { thread().top = thread().base; }
  ThreadState& thread() { return guard_.thread(); }

 private:
  // Where nothing is recorded a guard guards nothing.
  Guard guard_ = (record_here(), Guard());
};

}  // namespace

TEST_CASE("held stack: last in first out") {
  OwnStack own;
  ThreadState& thread = own.thread();
  CHECK(top_key(thread) == 0);
  for (std::size_t i = 0; i < 10; ++i) push(thread, held(i));
  CHECK(keys_are_right(thread));
  for (std::size_t i = 10; i-- > 0;) {
    CHECK(find_held(thread, &objects[i]) == thread.top - 1);
    CHECK(remove_held(thread, &objects[i]));
    CHECK(find_held(thread, &objects[i]) == nullptr);
  }
  CHECK(thread.top == thread.base);
  CHECK(top_key(thread) == 0);
}

TEST_CASE("held stack: what is not held is not removed") {
  OwnStack own;
  ThreadState& thread = own.thread();
  CHECK_FALSE(remove_held(thread, &objects[0]));
  push(thread, held(1));
  CHECK_FALSE(remove_held(thread, &objects[0]));
  CHECK(addresses(thread) == std::vector<const void*>{&objects[1]});
}

TEST_CASE("held stack: of a lock held twice the newer hold goes first") {
  OwnStack own;
  ThreadState& thread = own.thread();
  push(thread, held(0, Mode::SharedRecursive, 1));
  push(thread, held(1));
  push(thread, held(0, Mode::SharedRecursive, 2));
  CHECK(find_held(thread, &objects[0])->place.site == 2);
  CHECK(remove_held(thread, &objects[0]));
  CHECK(addresses(thread) == std::vector<const void*>{&objects[0], &objects[1]});
  CHECK(find_held(thread, &objects[0])->place.site == 1);
}

TEST_CASE("held stack: a release in the middle gives what lies above another set, and so no node yet") {
  OwnStack own;
  ThreadState& thread = own.thread();
  for (std::size_t i = 0; i < 4; ++i) push(thread, held(i));
  std::uint32_t node = 0;
  for (HeldLock* entry = thread.base; entry != thread.top; ++entry) entry->node = HeldId{++node};
  CHECK(remove_held(thread, &objects[1]));
  CHECK(addresses(thread) == std::vector<const void*>{&objects[0], &objects[2], &objects[3]});
  CHECK(keys_are_right(thread));
  CHECK(thread.base[0].node == HeldId{1});
  CHECK_FALSE(thread.base[1].node);
  CHECK_FALSE(thread.base[2].node);
}

TEST_CASE("held stack: the same locks in the same order have the same key, whatever came and went between") {
  OwnStack own;
  ThreadState& thread = own.thread();
  push(thread, held(0));
  push(thread, held(1));
  const std::uint64_t straight = top_key(thread);
  thread.top = thread.base;
  push(thread, held(2));
  push(thread, held(0));
  push(thread, held(3));
  push(thread, held(1));
  CHECK(top_key(thread) != straight);
  CHECK(remove_held(thread, &objects[2]));
  CHECK(remove_held(thread, &objects[3]));
  CHECK(top_key(thread) == straight);
}

TEST_CASE("held stack: keys tell order, lock, mode and call site apart") {
  const auto chain = [](std::initializer_list<HeldLock> entries) {
    std::uint64_t key = 0;
    for (const HeldLock& entry : entries)
      key = chain_key(key, entry.word, entry.mode, key_of_site(entry.place.site));
    return key;
  };
  const std::uint64_t key = chain({held(0), held(1)});
  CHECK(key != chain({held(1), held(0)}));
  CHECK(key != chain({held(0), held(2)}));
  CHECK(key != chain({held(0)}));
  CHECK(key != chain({held(1)}));
  CHECK(key != chain({held(0), held(1, Mode::SharedFair)}));
  CHECK(key != chain({held(0, Mode::SharedFair), held(1)}));
  CHECK(key != chain({held(0), held(1, Mode::Exclusive, 8)}));
}

TEST_CASE("held stack: 2,000 held at once, released first in first out") {
  OwnStack own;
  ThreadState& thread = own.thread();
  for (std::size_t i = 0; i < 2000; ++i) push(thread, held(i));
  CHECK(thread.top - thread.base == 2000);
  CHECK(thread.limit == thread.end);
  CHECK(thread.end - thread.base >= 2000);
  CHECK(keys_are_right(thread));
  bool all = true;
  for (const char& object : objects) all = remove_held(thread, &object) && all;
  CHECK(all);
  CHECK(thread.top == thread.base);
}

TEST_CASE("held stack: 20,000 random pushes and releases, as a list does them") {
  OwnStack own;
  ThreadState& thread = own.thread();
  std::mt19937 random(4711);
  std::vector<const void*> expected;
  const auto below = [&](std::size_t bound) { return random() % bound; };
  bool same = true;
  for (int i = 0; i < 20'000 && same; ++i) {
    if (expected.empty() || (expected.size() < 300 && below(100) < 52)) {
      const std::size_t object = below(100);
      push(thread, held(object, static_cast<Mode>(below(3)), static_cast<std::uint32_t>(below(5))));
      expected.push_back(&objects[object]);
    } else {
      const void* const address = expected[below(expected.size())];
      same = remove_held(thread, address);
      expected.erase(std::find(expected.rbegin(), expected.rend(), address).base() - 1);
    }
    if (i % 16 == 0) same = same && addresses(thread) == expected && keys_are_right(thread);
  }
  CHECK(same);
}

TEST_CASE("held stack: a thread that serves faults has every acquisition take the slow path") {
  OwnStack own;
  ThreadState& thread = own.thread();
  thread.is_server = true;
  set_limit(thread);
  CHECK(thread.limit == thread.base);
  push(thread, held(0));
  CHECK(addresses(thread) == std::vector<const void*>{&objects[0]});
  thread.is_server = false;
  set_limit(thread);
  CHECK(thread.limit == thread.end);
}

namespace {

// A second thread that holds objects 100 to 108, and what is left of them after its next guarded section.
template <class Meanwhile>
std::vector<const void*> left_after(Meanwhile meanwhile) {
  std::barrier turns(2);
  std::vector<const void*> left;
  std::thread holder([&] {
    {
      Guard guard;
      for (std::size_t i = 100; i < 109; ++i) push_held(guard.thread(), held(i));
    }
    turns.arrive_and_wait();
    turns.arrive_and_wait();
    Guard guard;
    left = addresses(guard.thread());
  });
  turns.arrive_and_wait();
  meanwhile();
  turns.arrive_and_wait();
  holder.join();
  return left;
}

}  // namespace

TEST_CASE("held stack: a lock released by another thread leaves its holder's stack") {
  OwnStack own;
  bool found = false;
  const std::vector<const void*> left =
      left_after([&] { found = release_for_holder(own.thread(), &objects[103]); });
  CHECK(found);
  CHECK(left.size() == 8);
  CHECK(std::find(left.begin(), left.end(), &objects[103]) == left.end());
}

TEST_CASE("held stack: a lock that nobody was seen to hold is released for nobody") {
  OwnStack own;
  push(own.thread(), held(99));
  bool found = true;
  bool own_found = true;
  const std::vector<const void*> left = left_after([&] {
    found = release_for_holder(own.thread(), &objects[110]);
    own_found = release_for_holder(own.thread(), &objects[99]);
  });
  CHECK_FALSE(found);
  CHECK_FALSE(own_found);
  CHECK(left.size() == 9);
}

TEST_CASE("held stack: more releases by others than a holder has room for are told") {
  OwnStack own;
  int accepted = 0;
  const std::vector<const void*> left = left_after([&] {
    for (std::size_t i = 100; i < 109; ++i) accepted += release_for_holder(own.thread(), &objects[i]);
  });
  CHECK(accepted == 8);
  CHECK(left == std::vector<const void*>{&objects[108]});
}

TEST_CASE("held stack: lies in the thread's state, where others may read it directly, until it outgrows it") {
  OwnStack own;
  ThreadState& thread = own.thread();
  hold_in(thread, thread.inline_held, ThreadState::kHeldAtFirst);  // an earlier test may have outgrown it
  CHECK(is_in_state(thread, thread.base));
  CHECK(is_in_state(thread, thread.top));
  for (std::size_t i = 0; i + 1 < ThreadState::kHeldAtFirst; ++i) push(thread, held(i));
  CHECK(is_in_state(thread, thread.top));
  push(thread, held(1000));
  CHECK_FALSE(is_in_state(thread, thread.base));
  CHECK_FALSE(is_in_state(thread, thread.top));
}
