// Which stretches of which threads create and join keep apart.
#include <doctest/doctest.h>

#include <array>

#include "event_script.h"
#include "happens_before.h"

using namespace faultline;

namespace {

// Main creates early, joins it, creates late and middle; late creates grandchild.
constexpr const char* kFamily =
    "main: +early; early: A B; main: <early +late +middle; late: +grandchild <grandchild";

struct Family {
  Model model = model_of(kFamily);
  HappensBefore order{model};
  ThreadId main{1}, early{2}, late{3}, middle{4}, grandchild{5};

  bool overlap(Stretch a, Stretch b) {
    const bool forth = order.could_overlap(std::array{a, b});
    CHECK(forth == order.could_overlap(std::array{b, a}));
    return forth;
  }
};

}  // namespace

TEST_CASE("a joined thread is over before what its joiner does and creates afterwards") {
  Family f;
  CHECK_FALSE(f.overlap({f.early, 1, kLastEpoch}, {f.late, 1, kLastEpoch}));
  CHECK_FALSE(f.overlap({f.early, 1, kLastEpoch}, {f.grandchild, 1, 1}));
  CHECK_FALSE(f.overlap({f.early, 1, 1}, {f.main, 3, 3}));
  CHECK(f.overlap({f.early, 1, 1}, {f.main, 2, 2}));
  CHECK(f.order.order({f.early, 1, 1}, {f.late, 1, 1}) == HappensBefore::Order::Join);
  CHECK(f.order.order({f.late, 1, 1}, {f.early, 1, 1}) == HappensBefore::Order::None);
}

TEST_CASE("what the creator did up to the creation is over before its child, what it does later is not") {
  Family f;
  CHECK_FALSE(f.overlap({f.main, 3, 3}, {f.late, 1, 1}));
  CHECK(f.overlap({f.main, 4, 4}, {f.late, 1, 1}));
  CHECK_FALSE(f.overlap({f.main, 3, 3}, {f.grandchild, 1, 1}));
  CHECK(f.order.order({f.main, 1, 3}, {f.grandchild, 1, 1}) == HappensBefore::Order::Create);
}

TEST_CASE("joins that contradict each other order nothing, others do") {
  const Model model = model_of("main: +one +two +three <three; one: <two A B; two: <one; three: A B");
  HappensBefore order(model);
  const ThreadId main{1}, one{2}, two{3}, three{4};
  CHECK(order.impossible_joins() == 2);
  CHECK(order.could_overlap(std::array{Stretch{one, 2, 2}, Stretch{two, 1, 1}}));
  CHECK(order.could_overlap(std::array{Stretch{one, 1, 1}, Stretch{two, 2, 2}}));
  CHECK_FALSE(order.could_overlap(std::array{Stretch{main, 5, 5}, Stretch{three, 1, 1}}));
}

TEST_CASE("a join of a thread that its joiner created only later orders nothing") {
  const Model model =
      model_of_trace(trace_text("main: A B +late") + R"({"t":"join","thread":1,"epoch":1,"joined":2})"
                                                     "\n");
  HappensBefore order(model);
  CHECK(order.impossible_joins() == 0);  // in the epoch that created it, it may have been joined too
  const Model damaged =
      model_of_trace(trace_text("main: +early A B +late") + R"({"t":"join","thread":1,"epoch":1,"joined":3})"
                                                            "\n");
  CHECK(HappensBefore(damaged).impossible_joins() == 1);
}

TEST_CASE("siblings overlap, a grandchild overlaps its parent only until it is joined") {
  Family f;
  CHECK(f.overlap({f.late, 1, 1}, {f.middle, 1, 1}));
  CHECK(f.overlap({f.late, 2, 2}, {f.grandchild, 1, 1}));
  CHECK_FALSE(f.overlap({f.late, 3, 3}, {f.grandchild, 1, 1}));
}

TEST_CASE("a stretch of several epochs overlaps where any of them does") {
  Family f;
  CHECK(f.overlap({f.main, 1, kLastEpoch}, {f.early, 1, 1}));
  CHECK(f.overlap({f.late, 1, kLastEpoch}, {f.grandchild, 1, kLastEpoch}));
  CHECK_FALSE(f.overlap({f.late, 3, kLastEpoch}, {f.grandchild, 1, kLastEpoch}));
}

TEST_CASE("any thread at any time overlaps everything") {
  Family f;
  CHECK(f.overlap({}, {f.early, 1, 1}));
  CHECK(f.overlap({}, {}));
}

TEST_CASE("three stretches may overlap in pairs and never all at once") {
  // Main is with each child at some time, and the children never are with each other.
  Family f;
  CHECK(f.overlap({f.main, 1, kLastEpoch}, {f.early, 1, 1}));
  CHECK(f.overlap({f.main, 1, kLastEpoch}, {f.late, 1, 1}));
  CHECK_FALSE(f.order.could_overlap(
      std::array{Stretch{f.main, 1, kLastEpoch}, Stretch{f.early, 1, 1}, Stretch{f.late, 1, 1}}));
  CHECK(f.order.could_overlap(
      std::array{Stretch{f.main, 1, kLastEpoch}, Stretch{f.middle, 1, 1}, Stretch{f.late, 1, 1}}));
}
