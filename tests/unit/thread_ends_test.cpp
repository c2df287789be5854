// Joins under locks: the end of a thread is waited for like a lock that it holds all its life.
#include <doctest/doctest.h>

#include "event_script.h"

using namespace faultline;

TEST_CASE("join under a lock that the joined thread takes: feasible") {
  const Judged result = judged("T1: A >T2 <T2; T2: %A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> end(T2) -> A");
  const Finding& finding = result.findings()[0];
  CHECK(finding.kind == Kind::LockOrder);
  CHECK(finding.why == "two threads, no common lock, both alive at once");
  const Dependency& join = result.model.dependencies[finding.edges[0].dependency];
  CHECK(join.cause == Cause::Join);
  CHECK(result.model.threads[join.thread].name == "T1");
  const Lock& end = result.model.locks[finding.edges[0].to];
  CHECK(end.kind == LockKind::Thread);
  CHECK(result.model.threads[end.thread].name == "T2");
}

TEST_CASE("join of a thread that takes the lock under another one: feasible") {
  CHECK(outcome("T1: A >T2; T2: B A") == "error feasible A -> end(T2) -> A");
}

TEST_CASE("join with nothing held: nothing") {
  const Model model = model_of("T1: >T2 <T2 A; T2: %A -A B A");
  CHECK(outcome(judge(model, NoNames())) == "");
  // No thread's end needs to be part of what it holds.
  CHECK(model.held.size() == 1);
}

TEST_CASE("join under a lock that the joined thread never takes: nothing") {
  CHECK(outcome("T1: A >T2 <T2; T2: %B") == "");
}

TEST_CASE("join of a thread that joins the one that takes the lock: feasible") {
  CHECK(outcome("T1: A >T2; T2: >T3; T3: %A") == "error feasible A -> end(T2) -> end(T3) -> A");
}

TEST_CASE("join of a thread that waited for the one that takes the lock for a time only: timed") {
  CHECK(outcome("T1: A >T2; T2: >T3/t; T3: %A") == "warning timed A -> end(T2) -> end(T3) -> A");
}

TEST_CASE("join under a lock that the joined thread had always used before: ordered") {
  CHECK(outcome("X: %A -A +Y; J: <Y A >X <X") == "note ordered A -> end(X) -> A");
}

TEST_CASE("join under a gate that the joined thread needs too: the gate itself is the finding") {
  CHECK(outcome("T1: G A >T2; T2: %G A") ==
        "error feasible G -> end(T2) -> G\n"
        "note gated A -> end(T2) -> A\n"
        "note gated A -> end(T2) -> G -> A");
}

TEST_CASE("two orders of one thread whose end is waited for: still by one thread, not gated by its end") {
  CHECK(outcome("T1: A B -B -A B A; T2: C >T1") == "warning same-thread A -> B -> A");
}

TEST_CASE("server takes the joiner's lock on behalf of the joined thread: feasible") {
  CHECK(outcome("T1: A >T2; T2: %U. %A^U^S; S: @U M") == "error feasible A -> end(T2) -> A");
}

TEST_CASE("the end of a thread without the thread, or of what is none: refused") {
  const std::string trace = trace_text("T1: A >T2; T2: %A");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = trace;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  CHECK_THROWS_WITH_AS(model_of_trace(with(R"("kind":"thread")", R"("kind":"mutex")")),
                       doctest::Contains("belongs to a lock of kind \"thread\", and to no other"),
                       InputError);
  CHECK_THROWS_WITH_AS(model_of_trace(with(R"(,"thread":2})", "}")),
                       doctest::Contains("belongs to a lock of kind \"thread\", and to no other"),
                       InputError);
}
