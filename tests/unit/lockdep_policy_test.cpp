// --policy=lockdep: each shape as the kernel would judge it.
#include <doctest/doctest.h>

#include "event_script.h"

using namespace faultline;

namespace {

std::string as_lockdep(std::string_view script, const std::vector<LockDetail>& details = {}) {
  return outcome(script, details, Policy::Lockdep);
}

}  // namespace

TEST_CASE("lockdep: AB/BA is an error, by one thread, gated or ordered alike") {
  CHECK(as_lockdep("T1: A B; T2: B A") == "error feasible A -> B -> A");
  CHECK(as_lockdep("T1: A B -B -A B A") == "error same-thread A -> B -> A");
  CHECK(as_lockdep("T1: G A B; T2: G B A") == "error gated A -> B -> A");
  CHECK(as_lockdep("T1: +T2; T2: A B; T1: <T2 B A") == "error ordered A -> B -> A");
}

TEST_CASE("lockdep: an error that the program's own order excuses says so") {
  const char* gated = "T1: G A B; T2: G B A";
  CHECK(
      judged(gated, {}, Policy::Lockdep).findings()[0].notes ==
      std::vector<std::string>{"an error because of --policy=lockdep, which takes every inversion for one"});
  CHECK(judged(gated).findings()[0].notes.empty());
  CHECK(judged("T1: A B; T2: B A", {}, Policy::Lockdep).findings()[0].notes.empty());
}

TEST_CASE("lockdep: AB/AB is nothing, and so is a trylock") {
  CHECK(as_lockdep("T1: A B; T2: A B") == "");
  CHECK(as_lockdep("T1: A ?B; T2: B A") == "");
}

TEST_CASE("lockdep: recursive readers do not block, fair readers do, whoever writes") {
  CHECK(as_lockdep("T1: A/r B; T2: B A/r") == "note compatible A -> B -> A");
  CHECK(as_lockdep("T1: A/f B; T2: B A/f") == "error feasible A -> B -> A");
}

TEST_CASE("lockdep: classes inverted on different instances are an error here and nothing elsewhere") {
  // Two trees of parent and child lock, of one class each, taken top down in one and bottom up in the other.
  std::string trace = trace_text("T1: P1 C1; T2: C2 P2");
  const auto rename = [&](const std::string& from, const std::string& to) {
    const std::string key = R"("name":")" + from + '"';
    trace.replace(trace.find(key), key.size(), R"("name":")" + to + '"');
  };
  for (const char* digit : {"1", "2"}) {
    rename(std::string("P") + digit, "parent");
    rename(std::string("C") + digit, "child");
  }
  const Model model = model_of_trace(trace);
  CHECK(outcome(judge(model, NoNames())) == "");
  const Judgement judgement = judge(model, NoNames(), {.policy = Policy::Lockdep});
  REQUIRE(outcome(judgement) == "error class-only child -> parent -> child");
  CHECK(judgement.findings[0].why ==
        "the classes form a cycle; the locks met in this run are different ones of these classes");
}

TEST_CASE("lockdep: locks of one class nested are an error, unless the inner one is of a subclass") {
  std::string trace = trace_text("T1: P1 P2");
  for (const char* name : {"\"name\":\"P1\"", "\"name\":\"P2\""})
    trace.replace(trace.find(name), 11, "\"name\":\"dir\"");
  CHECK(outcome(judge(model_of_trace(trace), NoNames(), {.policy = Policy::Lockdep})) ==
        "error class-only dir -> dir");
  const std::string wait = R"("cause":"call")";
  trace.insert(trace.rfind(wait), R"("subclass":1,)");
  CHECK(outcome(judge(model_of_trace(trace), NoNames(), {.policy = Policy::Lockdep})) == "");
}
