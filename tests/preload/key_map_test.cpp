// The map of keys: each key added once by any number of threads, entries that never move, and no thread that
// waits for ever behind another.
#include "sys/key_map.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <memory>
#include <set>

#include "recording.h"
#include "runtime.h"

using namespace faultline;

namespace {

// Keys as the shim makes them: hashes.
std::uint64_t key(std::uint64_t number) {
  return mix(number, 0);
}

// Gives its pages back. Zero-initialised in memory of its own, as the shim's maps are.
struct MapForTest {
  std::unique_ptr<KeyMap> map = std::make_unique<KeyMap>();
  ~MapForTest() { map->clear(); }
  KeyMap* operator->() const { return map.get(); }
};

}  // namespace

TEST_CASE("key map: a key is added once, as 0, and found again in the same place") {
  const MapForTest map;
  CHECK(map->find(key(1)) == nullptr);
  bool added = false;
  KeyMap::Value* const value = map->find_or_add(key(1), &added);
  REQUIRE(value != nullptr);
  CHECK(added);
  CHECK(value->load() == 0);
  value->store(11);
  CHECK(map->find_or_add(key(1), &added) == value);
  CHECK_FALSE(added);
  CHECK(map->find(key(1)) == value);
  CHECK(value->load() == 11);
  CHECK(map->find(key(2)) == nullptr);
}

TEST_CASE("key map: keys that meet in one slot are kept apart") {
  const MapForTest map;
  // The slot is the key's lowest bits, whatever the size of the table.
  constexpr std::uint64_t kSameSlot = std::uint64_t{1} << 40;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    bool added = false;
    KeyMap::Value* const value = map->find_or_add(i * kSameSlot, &added);
    REQUIRE(value != nullptr);
    CHECK(added);
    value->store(i);
  }
  for (std::uint64_t i = 1; i <= 100; ++i) CHECK(map->find(i * kSameSlot)->load() == i);
  CHECK(map->find(101 * kSameSlot) == nullptr);
}

TEST_CASE("key map: grows, and no entry moves") {
  constexpr std::uint64_t kKeys = 100'000;
  const MapForTest map;
  std::vector<KeyMap::Value*> values;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    bool added = false;
    values.push_back(map->find_or_add(key(i), &added));
    REQUIRE(values.back() != nullptr);
    REQUIRE(added);
    values.back()->store(i + 1);
  }
  std::uint64_t good = 0;
  for (std::uint64_t i = 0; i < kKeys; ++i)
    good += map->find(key(i)) == values[i] && values[i]->load() == i + 1;
  CHECK(good == kKeys);
  CHECK(map->find(key(kKeys)) == nullptr);
}

TEST_CASE("key map: four threads add the same keys: one of them adds each") {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kKeys = 20'000;
  const MapForTest map;
  std::vector<std::atomic<int>> adders(kKeys);
  std::vector<std::vector<KeyMap::Value*>> seen(kThreads);
  in_threads(kThreads, [&](int number) {
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      bool added = false;
      seen[static_cast<std::size_t>(number)].push_back(map->find_or_add(key(i), &added));
      adders[i] += added;
    }
  });
  std::uint64_t added_once = 0;
  std::uint64_t in_one_place = 0;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    added_once += adders[i] == 1;
    in_one_place += seen[0][i] != nullptr && seen[0][i] == seen[1][i] && seen[0][i] == seen[2][i] &&
                    seen[0][i] == seen[3][i] && seen[0][i] == map->find(key(i));
  }
  CHECK(added_once == kKeys);
  CHECK(in_one_place == kKeys);
}

TEST_CASE("key map: cleared, it is empty and can be filled again") {
  const MapForTest map;
  bool added = false;
  for (std::uint64_t i = 0; i < 5'000; ++i) map->find_or_add(key(i), &added);
  map->clear();
  for (std::uint64_t i = 0; i < 5'000; ++i) REQUIRE(map->find(key(i)) == nullptr);
  KeyMap::Value* const value = map->find_or_add(key(1), &added);
  REQUIRE(value != nullptr);
  CHECK(added);
  CHECK(value->load() == 0);
}

TEST_CASE("key map: without memory what is there is still found, and nothing is added") {
  CHECK(in_child([] {
          const auto map = std::make_unique<KeyMap>();
          bool added = false;
          map->find_or_add(key(0), &added)->store(1);
          const rlimit nothing_more{1 << 20, 1 << 20};
          setrlimit(RLIMIT_AS, &nothing_more);
          std::uint64_t i = 1;
          while (i < 10'000 && map->find_or_add(key(i), &added) != nullptr) ++i;
          if (i == 10'000 || added) return 1;
          KeyMap::Value* const first = map->find_or_add(key(0), &added);
          return first != nullptr && !added && first->load() == 1 && map->find(key(i - 1)) != nullptr ? 0 : 2;
        }) == 0);
}

namespace {

KeyMap* interrupted_map;
sigjmp_buf out_of_adding;

void jump_away(int) {
  siglongjmp(out_of_adding, 1);
}

// Adds without end until a signal's handler jumps away from it: in the middle of an addition, most likely.
void lose_an_adder(KeyMap& map, std::uint64_t& next) {
  interrupted_map = &map;
  struct sigaction action = {};
  action.sa_handler = jump_away;
  struct sigaction before = {};
  sigaction(SIGALRM, &action, &before);
  const itimerval soon = {.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
  if (sigsetjmp(out_of_adding, 1) == 0) {
    setitimer(ITIMER_REAL, &soon, nullptr);
    for (bool added;; ++next) interrupted_map->find_or_add(key(next), &added);
  }
  sigaction(SIGALRM, &before, nullptr);
}

}  // namespace

TEST_CASE("key map: an adder that is lost delays the next one, once, and nothing is lost with it") {
  const MapForTest map;
  static std::uint64_t next = 0;  // outlives the jump
  for (int lost_adders = 0; lost_adders < 10; ++lost_adders) lose_an_adder(*map.map, next);
  const std::uint64_t before = next;
  const auto begun = std::chrono::steady_clock::now();
  constexpr std::uint64_t kMore = 10'000;
  for (bool added; next < before + kMore; ++next) map->find_or_add(key(next), &added);
  // A delay each would take more than a minute.
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
  std::uint64_t missing = 0;
  for (std::uint64_t i = 0; i < next; ++i) missing += map->find(key(i)) == nullptr;
  CHECK(missing <= 10);
}

TEST_CASE("awaited value: one that will not come is not waited for") {
  const KeyMap::Value given_up{kNoValue};
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t sum = 0;
  for (int i = 0; i < 1'000'000; ++i) sum += await_value(given_up);
  CHECK(sum == 0);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
}

TEST_CASE("awaited value: what another thread fills in, and 0 if it never comes") {
  KeyMap::Value value{0};
  std::uint64_t awaited = 0;
  in_threads(2, [&](int number) {
    if (number == 0) {
      value.store(5);
    } else {
      while (awaited == 0) awaited = await_value(value);
    }
  });
  CHECK(awaited == 5);
  const KeyMap::Value never{0};
  CHECK(await_value(never) == 0);
}

TEST_CASE("keys: never 0, and apart by name space and by each word") {
  // These two make one factor 0.
  CHECK(mix(0x9e3779b97f4a7c15u, 12345) == 1);
  CHECK(mix(12345, 0xe7037ed1a0b428dbu) == 1);
  std::set<std::uint64_t> keys;
  std::size_t made = 0;
  for (const Key space : {Key::Stack, Key::Module, Key::Lock, Key::Held, Key::Dependency, Key::Thread})
    for (std::uint64_t a = 0; a < 30; ++a)
      for (std::uint64_t b = 0; b < 30; ++b, ++made) keys.insert(key_of(space, a, b));
  CHECK(keys.size() == made);
  CHECK_FALSE(keys.contains(0));
}
