// Call stacks: one number for each distinct one, one record of it in the trace, and call sites that tell
// callers apart.
#include "record/stacks.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

#include "recording.h"
#include "runtime.h"

using namespace faultline;

namespace {

// Stacks that no other test uses.
std::vector<std::uintptr_t> stack_of(std::uintptr_t test, std::size_t depth) {
  std::vector<std::uintptr_t> pcs;
  for (std::size_t i = 0; i < depth; ++i) pcs.push_back(test << 16 | i);
  return pcs;
}

StackId intern(const std::vector<std::uintptr_t>& pcs, StackBy by = StackBy::Unwind) {
  return intern_stack(pcs.data(), pcs.size(), by);
}

std::vector<Json> records_of_stack(StackId stack) {
  std::vector<Json> found = records("stack");
  std::erase_if(found, [=](const Json& record) { return record.at("id") != stack.value; });
  return found;
}

}  // namespace

TEST_CASE("stacks: the same stack has the same number, any other another") {
  record_here();
  const StackId stack = intern(stack_of(1, 5));
  CHECK(stack.value != 0);
  CHECK(intern(stack_of(1, 5)) == stack);
  CHECK(intern(stack_of(1, 4)) != stack);
  CHECK(intern(stack_of(1, 6)) != stack);
  CHECK(intern(stack_of(2, 5)) != stack);
  CHECK(intern(stack_of(1, 5), StackBy::ReturnAddress) != stack);
  std::vector<std::uintptr_t> reversed = stack_of(1, 5);
  std::reverse(reversed.begin(), reversed.end());
  CHECK(intern(reversed) != stack);
}

TEST_CASE("stacks: four threads meet the same ones: each has one number, and no two share one") {
  record_here();
  constexpr std::size_t kStacks = 5'000;
  std::vector<std::vector<std::uint32_t>> ids(4);
  in_threads(4, [&](int number) {
    for (std::size_t i = 0; i < kStacks; ++i)
      ids[static_cast<std::size_t>(number)].push_back(intern(stack_of(1000 + i, 1 + i % 64)).value);
  });
  CHECK(ids[1] == ids[0]);
  CHECK(ids[2] == ids[0]);
  CHECK(ids[3] == ids[0]);
  const std::set<std::uint32_t> distinct(ids[0].begin(), ids[0].end());
  CHECK(distinct.size() == kStacks);
  CHECK_FALSE(distinct.contains(0));
}

TEST_CASE("stacks: written once, by whichever of four threads comes first") {
  record_here();
  const StackId stack = intern(stack_of(3, 2), StackBy::ReturnAddress);
  CHECK(records_of_stack(stack).empty());
  std::atomic<int> same{0};
  in_threads(4, [&](int) {
    Guard guard;
    same += guard && written_stack(guard.thread(), stack) == stack;
  });
  CHECK(same == 4);
  const std::vector<Json> written = records_of_stack(stack);
  REQUIRE(written.size() == 1);
  CHECK(written[0].at("by") == "return-address");
  // Code of no object: the addresses themselves.
  CHECK(written[0].at("frames") == Json::array({{0, 3 << 16}, {0, 3 << 16 | 1}}));
}

TEST_CASE("stacks: none and unknown ones are not written") {
  record_here();
  Guard guard;
  REQUIRE(guard);
  const std::size_t before = records("stack").size();
  CHECK_FALSE(written_stack(guard.thread(), StackId{}));
  CHECK_FALSE(written_stack(guard.thread(), StackId{3'000'000}));
  CHECK_FALSE(written_stack(guard.thread(), StackId{UINT32_MAX}));
  CHECK(records("stack").size() == before);
}

TEST_CASE("stacks: one that could not be written is given up once, not waited for each time") {
  record_here();
  const StackId stack = intern(stack_of(4, 64));
  CHECK(in_child([=] {
          // Room for the first page of the child's trace, and no more.
          const rlimit one_page{5000, 5000};
          setrlimit(RLIMIT_FSIZE, &one_page);
          Guard guard;
          if (!guard || !ensure_trace(guard.thread())) return 1;
          while (!trace.is_full()) trace.append(R"({"t":"x"})");
          const auto begun = std::chrono::steady_clock::now();
          for (int i = 0; i < 100'000; ++i)
            if (written_stack(guard.thread(), stack)) return 2;
          const bool quick = std::chrono::steady_clock::now() - begun < std::chrono::seconds(10);
          unlink(trace.path());
          return quick ? 0 : 3;
        }) == 0);
}

namespace {

// What a hook does: the call site is that of its caller.
[[gnu::noinline]] Place hook() {
  Guard guard;
  const Place place = call_site(guard, FAULTLINE_CALL_POINT).place;
  asm volatile("");  // or the compiler would jump, and the caller's frame be gone
  return place;
}
[[gnu::noinline]] Place from_here() {
  const Place place = hook();
  asm volatile("");
  return place;
}
[[gnu::noinline]] Place from_there() {
  const Place place = hook();
  asm volatile("");
  return place;
}

}  // namespace

TEST_CASE("call sites: the same call again is known; another call is another site") {
  record_here();
  std::set<std::uint32_t> stacks;
  std::set<std::uint32_t> sites;
  for (int i = 0; i < 3; ++i) {
    const Place place = from_here();
    stacks.insert(place.stack.value);
    sites.insert(place.site);
  }
  CHECK(stacks.size() == 1);
  CHECK(sites.size() == 1);
  const Place elsewhere = from_there();
  CHECK_FALSE(stacks.contains(elsewhere.stack.value));
  CHECK_FALSE(sites.contains(elsewhere.site));
}

TEST_CASE("call sites: one call reached by two ways is two sites") {
  record_here();
  const Place one_way = from_here();
  const Place other_way = from_here();
  CHECK(one_way.site != other_way.site);
  CHECK(one_way.stack != other_way.stack);
}

TEST_CASE("call sites: the stack reaches from the caller of the hook to the start of the program") {
  record_here();
  const Place place = from_here();
  Guard guard;
  REQUIRE(guard);
  CHECK(written_stack(guard.thread(), place.stack) == place.stack);
  const std::vector<Json> written = records_of_stack(place.stack);
  REQUIRE(written.size() == 1);
  CHECK(written[0].at("by") == "unwind");
  CHECK(written[0].at("frames").size() > 4);
  for (const Json& frame : written[0].at("frames")) CHECK(frame.at(0) != 0);
}
