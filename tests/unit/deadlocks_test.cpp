// Deadlocks that happened, as traces tell them: which finding they are, and what they replace.
#include <doctest/doctest.h>

#include <algorithm>

#include "event_script.h"

using namespace faultline;

namespace {

// One thread's part of a deadlock record: a lock of the script, 0 for a condition or a join.
struct Part {
  int thread;
  int to;
  std::string what = "mutex";
  std::string cause = "call";
  int joins = 0;
};

// The script's trace with a deadlock at its end. Threads and locks are numbered as they first come in the
// script.
Judged happened(std::string_view script, const std::string& kind, const std::vector<Part>& parts,
                const std::string& more = "") {
  std::string line = R"({"t":"deadlock","kind":")" + kind + "\"" + more + R"(,"threads":[)";
  for (const Part& part : parts)
    line += std::string(&part == &parts.front() ? "" : ",") + R"({"thread":)" + std::to_string(part.thread) +
            R"(,"under":0,"to":)" + std::to_string(part.to) + R"(,"mode":"exclusive","stack":0,"cause":")" +
            part.cause + R"(","for":")" + part.what + R"(","addr":"0x1000")" +
            (part.joins ? R"(,"joins":)" + std::to_string(part.joins) : "") + "}";
  Judged result{model_of_trace(trace_text(script) + line + "]}\n"), {}};
  result.judgement = judge(result.model, NoNames(), {});
  return result;
}

const Finding& only(const Judged& judged) {
  REQUIRE(judged.findings().size() == 1);
  return judged.findings().front();
}

}  // namespace

TEST_CASE("deadlock: the cycle it closes is told once, as observed, under the cycle's fingerprint") {
  constexpr const char* script = "T1: A B -B -A; T2: B A";
  const Judged could = judged(script);
  const Judged did = happened(script, "cycle", {{2, 1}, {1, 2}});
  const Finding& finding = only(did);
  CHECK(outcome(did.judgement) == "error observed A -> B -> A");
  CHECK(finding.kind == Kind::Deadlock);
  CHECK(finding.fingerprint == only(could).fingerprint);
  CHECK(finding.edges.size() == 2);
  CHECK(finding.waits.size() == 2);
  CHECK(finding.why ==
        "it happened: thread T2 (102) waits for A, held by thread T1 (101); thread T1 (101) waits for B, "
        "held by "
        "thread T2 (102)");
}

TEST_CASE("deadlock: a cycle that was explained away is an error once it has happened") {
  constexpr const char* script = "T1: G A B -B -A -G; T2: G B A";
  CHECK(outcome(judged(script).judgement) == "note gated A -> B -> A");
  // G, A and B are the locks 1, 2 and 3.
  CHECK(outcome(happened(script, "cycle", {{1, 3}, {2, 2}}).judgement) == "error observed A -> B -> A");
}

TEST_CASE("deadlock: another cycle of the same trace stays what it is") {
  const Judged result = happened("T1: A B -B -A C D -D -C; T2: B A -A -B D C", "cycle", {{1, 2}, {2, 1}});
  CHECK(outcome(result.judgement) == "error observed A -> B -> A\nerror feasible C -> D -> C");
}

TEST_CASE("deadlock: a thread with itself has the self-lock's fingerprint") {
  const Judged did = happened("T1: A A.", "self", {{1, 1}});
  CHECK(outcome(did.judgement) == "error observed A -> A");
  CHECK(only(did).kind == Kind::Deadlock);
  CHECK(only(did).fingerprint == only(judged("T1: A A.")).fingerprint);
}

TEST_CASE("deadlock: the server of a fault stands for the thread that waits for it") {
  constexpr const char* script = "T1: A U. A^U^S -A; S: @U A";
  const Judged could = judged(script);
  REQUIRE(could.findings().size() == 1);
  const Judged did = happened(script, "cycle", {{1, 2, "service", "fault"}, {2, 1}});
  CHECK(only(did).fingerprint == only(could).fingerprint);
  CHECK(outcome(did.judgement) == "error observed A -> A");
  CHECK(did.model.dependencies[only(did).edges.at(0).dependency].cause == Cause::Service);
}

TEST_CASE("deadlock: orders that the trace lacks leave the locks and the waits") {
  const Judged result = happened("T1: A B; T2: B", "cycle", {{1, 2}, {2, 1}});
  CHECK(outcome(result.judgement) == "error observed A -> B -> A");
  CHECK(only(result).edges.empty());
  CHECK(only(result).waits.size() == 2);
}

TEST_CASE("deadlock: a holder that has ended is no cycle") {
  const Judged result = happened("T1: A B; T2: B", "holder-exited", {{2, 1}}, R"(,"gone":77)");
  const Finding& finding = only(result);
  CHECK(finding.kind == Kind::Deadlock);
  CHECK_FALSE(finding.verdict.has_value());
  CHECK(finding.severity == Severity::Error);
  CHECK(finding.title == "A left locked");
  CHECK(finding.why ==
        "it happened: thread T2 (102) waits for A, whose holder, thread 77, has ended without releasing it");
}

TEST_CASE("deadlock: a stall is told with what each thread waits for, in whatever order they came") {
  const std::vector<Part> parts = {{1, 0, "condition", "relock"}, {2, 1}};
  const Judged result = happened("T1: A B; T2: B", "stall", parts, R"(,"others":3)");
  const Finding& finding = only(result);
  CHECK_FALSE(finding.verdict.has_value());
  CHECK(finding.waits.size() == 2);
  CHECK(finding.why.find("; and 3 more threads") != std::string::npos);
  const Judged turned = happened("T1: A B; T2: B", "stall", {parts[1], parts[0]});
  CHECK(only(turned).fingerprint == finding.fingerprint);
  const Judged other = happened("T1: A B; T2: B", "stall", {parts[0]});
  CHECK(only(other).fingerprint != finding.fingerprint);
}

TEST_CASE("deadlock: a record without threads, or of a kind nobody knows, is a damaged trace") {
  CHECK_THROWS_AS(happened("T1: A B", "cycle", {}), InputError);
  CHECK_THROWS_AS(happened("T1: A B", "misery", {{1, 1}}), InputError);
}
