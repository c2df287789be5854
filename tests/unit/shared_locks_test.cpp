// Locks that processes share: what is one lock in two traces, and what only looks like it.
#include <doctest/doctest.h>

#include <string>

#include "event_script.h"

using namespace faultline;

namespace {

struct Life {
  int pid = 0;
  int started = 0;
  int ended = 0;  // 0: not recorded
  std::string boot = "b";
  std::string run = {};
};

std::string lived(std::string trace, const Life& life) {
  const std::string pid = R"("run":"","pid":7)";
  trace.replace(trace.find(pid), pid.size(),
                R"("run":")" + life.run + R"(","boot":")" + life.boot + R"(","started":)" +
                    std::to_string(life.started) + R"(,"pid":)" + std::to_string(life.pid));
  if (life.ended != 0) trace += R"({"t":"end","at":)" + std::to_string(life.ended) + "}\n";
  return trace;
}

// What is found in two processes, one of script `a` and one of script `b`.
std::string outcome_of(const std::string& a, const Life& life_a, const std::string& b, const Life& life_b,
                       const std::vector<LockDetail>& details_a, const std::vector<LockDetail>& details_b) {
  const TemporaryFolder folder;
  folder.write("a.1.jsonl", lived(trace_text(a, details_a), life_a));
  folder.write("b.2.jsonl", lived(trace_text(b, details_b), life_b));
  return outcome(judge(load_model({&folder.path(), 1}), NoNames()));
}

std::string outcome_of(const std::string& a, const std::string& b, const std::vector<LockDetail>& details) {
  return outcome_of(a, {1, 10, 50}, b, {2, 20, 40}, details, details);
}

LockDetail in_memory(const std::string& name, int inode, int offset = 0) {
  return {name, R"("shared":true,"device":1,"inode":)" + std::to_string(inode) + R"(,"offset":)" +
                    std::to_string(offset)};
}

const std::vector<LockDetail> kTwoShared = {in_memory("A", 5), in_memory("B", 5, 64)};

}  // namespace

TEST_CASE("inversion of two mutexes in shared memory, by two processes: feasible") {
  CHECK(outcome_of("T1: A B", "T1: B A", kTwoShared) == "error feasible A -> B -> A");
}

TEST_CASE("a mutex in shared memory and one that is not shared: nothing") {
  CHECK(outcome_of("T1: A B", "T1: B A", {in_memory("A", 5)}) == "");
}

TEST_CASE("mutexes at other places of the same shared memory: nothing") {
  CHECK(outcome_of("T1: A B", {1, 10, 50}, "T1: B A", {2, 20, 40}, kTwoShared,
                   {in_memory("A", 5, 128), in_memory("B", 5, 192)}) == "");
}

TEST_CASE("mutexes shared between processes whose place is not known: nothing") {
  CHECK(outcome_of("T1: A B", "T1: B A", {{"A", R"("shared":true)"}, {"B", R"("shared":true)"}}) == "");
}

TEST_CASE("a mutex in shared memory is a gate between processes") {
  CHECK(outcome_of("T1: G A B", "T1: G B A", {in_memory("G", 5, 128), kTwoShared[0], kTwoShared[1]}) ==
        "note gated A -> B -> A");
}

TEST_CASE("fault in one process whose server in another takes a shared mutex: feasible") {
  CHECK(outcome_of("T1: A U.", "T3: @U %A", {in_memory("A", 5), {"U", R"("inode":77)"}}) ==
        "error feasible A -> service(uffd) -> A");
}

TEST_CASE("two processes of one id, of two namespaces, that lived at the same time: feasible") {
  CHECK(outcome_of("T1: A B", {1, 10, 50}, "T1: B A", {1, 20, 40}, kTwoShared, kTwoShared) ==
        "error feasible A -> B -> A");
}

TEST_CASE("faults of two contexts: nothing") {
  CHECK(outcome_of("T1: A U.", {1, 10, 50}, "T3: @U %A", {2, 20, 40},
                   {in_memory("A", 5), {"U", R"("inode":77)"}},
                   {in_memory("A", 5), {"U", R"("inode":78)"}}) == "");
}

TEST_CASE("faults and events of one context are two services") {
  CHECK(outcome_of("T1: A U.", {1, 10, 50}, "T3: @U %A", {2, 20, 40},
                   {in_memory("A", 5), {"U", R"("inode":77)"}},
                   {in_memory("A", 5), {"U", R"("inode":77,"events":true)"}}) == "");
}

TEST_CASE("processes of which one had ended before the other began: nothing") {
  CHECK(outcome_of("T1: A B", {1, 10, 19}, "T1: B A", {2, 20, 40}, kTwoShared, kTwoShared) == "");
}

TEST_CASE("process that left no time of its end, and whose id was used again: nothing") {
  CHECK(outcome_of("T1: A B", {1, 10, 0}, "T1: B A", {1, 20, 40}, kTwoShared, kTwoShared) == "");
}

TEST_CASE("process that left no time of its end: over with its run") {
  CHECK(outcome_of("T1: A B", {1, 10, 0, "b", "first"}, "T1: B A", {2, 20, 40, "b", "second"}, kTwoShared,
                   kTwoShared) == "");
  CHECK(outcome_of("T1: A B", {1, 10, 0, "b", "one"}, "T1: B A", {2, 20, 40, "b", "one"}, kTwoShared,
                   kTwoShared) == "error feasible A -> B -> A");
}

TEST_CASE("processes of two boots: nothing") {
  CHECK(outcome_of("T1: A B", {1, 10, 50, "b"}, "T1: B A", {2, 20, 40, "c"}, kTwoShared, kTwoShared) == "");
}

TEST_CASE("processes that never met, though a third met both: ordered") {
  const TemporaryFolder folder;
  folder.write("a.1.jsonl", lived(trace_text("T1: A B", kTwoShared), {1, 10, 19}));
  folder.write("b.2.jsonl", lived(trace_text("T1: B A", kTwoShared), {2, 30, 40}));
  folder.write("c.3.jsonl", lived(trace_text("T1: X A; T2: Y B", kTwoShared), {3, 5, 35}));
  const Judgement judgement = judge(load_model({&folder.path(), 1}), NoNames());
  REQUIRE(outcome(judgement) == "note ordered A -> B -> A");
  CHECK(
      judgement.findings[0].why ==
      "A -> B by thread T1 (101) was over before B -> A by thread T1 (101): its process had ended before the "
      "other's began");
}

TEST_CASE("record locks on files: owned by the process, they block other processes only") {
  const auto with_files = [](std::string trace) {
    for (std::size_t at; (at = trace.find("mutex")) != std::string::npos;) trace.replace(at, 5, "file");
    return trace;
  };
  const std::vector<LockDetail> details = {{"A", R"("device":1,"inode":5,"start":0,"owner":"process")"},
                                           {"B", R"("device":1,"inode":6,"start":0,"owner":"process")"}};
  const TemporaryFolder folder;
  const auto here =
      folder.write("a.1.jsonl", with_files(lived(trace_text("T1: A B; T2: B A", details), {1, 10, 50})));
  CHECK(outcome(judge(load_model({&here, 1}), NoNames())) == "note compatible A -> B -> A");
  folder.write("a.1.jsonl", with_files(lived(trace_text("T1: A B", details), {1, 10, 50})));
  folder.write("b.2.jsonl", with_files(lived(trace_text("T1: B A", details), {2, 20, 40})));
  CHECK(outcome(judge(load_model({&folder.path(), 1}), NoNames())) == "error feasible A -> B -> A");
}
