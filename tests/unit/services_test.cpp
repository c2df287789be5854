// Cycles through a server of page faults: each told once, by the program's own locks where they say it all.
#include <doctest/doctest.h>

#include "event_script.h"

using namespace faultline;

namespace {

// A writer that faults with inode_lock held; the fault takes the declared mmap_lock, and its server works
// under it.
constexpr const char* kWriterFaults =
    "writer: inode_lock !mmap_lock=U U. mmap_lock/f^U^server page^U^server -inode_lock; server: @U "
    "mmap_lock/f page; ";

}  // namespace

TEST_CASE("fault under a lock that mmap takes under mmap_lock is one finding") {
  const Judged result = judged(std::string(kWriterFaults) + "mapper: mmap_lock inode_lock");
  REQUIRE(outcome(result.judgement) == "error feasible inode_lock -> mmap_lock -> inode_lock");
  const Finding& finding = result.findings()[0];
  const Dependency& fault = result.model.dependencies[finding.edges[0].dependency];
  CHECK(fault.cause == Cause::Fault);
  CHECK(fault.fault.address == 0x5000);
}

TEST_CASE("fault under a lock that mmap takes before mmap_lock is no finding") {
  CHECK(outcome(std::string(kWriterFaults) + "mapper: inode_lock mmap_lock") == "");
}

TEST_CASE("server takes on the thread's behalf what another holds while it wants the thread's lock") {
  const Judged result = judged("T1: A U. M^U^S -A; S: @U M; T2: M A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> M -> A");
  CHECK(result.findings()[0].notes ==
        std::vector<std::string>{
            "A -> M is taken by thread S (102), which serves the page fault of thread T1 (101)"});
}

TEST_CASE("server takes on the thread's behalf what nobody holds across the thread's lock") {
  CHECK(outcome("T1: A U. M^U^S -A; S: @U M; T2: A M") == "");
}

TEST_CASE("server whose work was not laid at the thread's door: the cycle goes through the service") {
  CHECK(outcome("T1: A U. -A; S: @U M; T2: M A") == "error feasible A -> service(uffd) -> M -> A");
}

TEST_CASE("server takes what the faulting thread itself holds") {
  const Judged result = judged("T1: A U. A^U^S -A; S: @U A");
  REQUIRE(outcome(result.judgement) == "error self A -> A");
  CHECK(result.findings()[0].kind == Kind::SelfLock);
  CHECK(result.findings()[0].why ==
        "thread T1 (101) waits for thread S (102), which serves its page fault and takes A, which it holds "
        "to write, "
        "to write");
}

TEST_CASE("server takes on the thread's behalf a recursive mutex that the thread holds") {
  // The mutex is recursive for its owner, and the server is not its owner.
  CHECK(outcome("T1: A U. A^U^S -A; S: @U A", {{"A", R"("type":"recursive")"}}) == "error self A -> A");
}

TEST_CASE("fault that only might happen, on a page whose server takes what the thread holds") {
  const Judged result = judged("T1: A !M/u=U !U/u=U -A; S: @U M/f A&");
  REQUIRE(outcome(result.judgement) == "error self A -> A\nnote compatible A -> M -> A");
  const Finding& finding = result.findings()[0];
  CHECK(finding.kind == Kind::SelfLock);
  REQUIRE(finding.edges.size() == 1);
  const Dependency& wait = result.model.dependencies[finding.edges[0].dependency];
  CHECK(wait.cause == Cause::Service);
  CHECK_FALSE(wait.observed);
  CHECK(result.model.threads[wait.thread].name == "T1");
  CHECK(result.model.threads[wait.via_thread].name == "S");
  REQUIRE(finding.edges[0].between.size() == 1);
  CHECK(finding.edges[0].between[0].class_name == "M");
}

TEST_CASE("fault that only might happen, on a page whose server takes what the thread reads") {
  CHECK(outcome("T1: A/r !U/u=U -A; S: @U A/r&").find("error") == std::string::npos);
  CHECK(outcome("T1: A/f !U/u=U -A; S: @U A/f&").find("error") == std::string::npos);
  CHECK(outcome("T1: A/f !U/u=U -A; S: @U A/f&; T2: A B") == "error self A -> A");
}

TEST_CASE("fault that only might happen, on another page than the server took the lock for") {
  // The server may be at that other page, and wait for the lock, when the thread comes to fault.
  CHECK(outcome("T1: A !U/u=U -A; S: @U A") == "error feasible A -> service(uffd) -> A");
}

TEST_CASE("fault that only might happen, on a page whose server takes what another holds across the lock") {
  CHECK(outcome("T1: A !U/u=U -A; S: @U M&; T2: M A") == "error feasible A -> M -> A");
  CHECK(outcome("T1: A !U/u=U -A; S: @U M&; T2: A M") == "");
}

TEST_CASE("fault that might happen and that did happen is told once, as it happened") {
  const Judged result = judged("T1: A !U/u=U U. M^U^S -A; S: @U M&; T2: M A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> M -> A");
  for (const FindingEdge& edge : result.findings()[0].edges)
    CHECK(result.model.dependencies[edge.dependency].observed);
}

TEST_CASE("faults that might happen, and locks of their server, without end: a bound that is told") {
  const auto model_of = [](int faults, int locks) {
    std::string script = "T1:";
    for (int i = 0; i < faults; ++i) {
      const std::string lock = "A" + std::to_string(i);
      script += " " + lock + " !U/u=U -" + lock;
    }
    script += "; S: @U";
    for (int i = 0; i < locks; ++i) {
      const std::string lock = "B" + std::to_string(i);
      script += " " + lock + "& -" + lock;
    }
    const TemporaryFolder folder;
    const auto file = folder.write("a.1.jsonl", trace_text(script));
    return load_model({&file, 1});
  };
  const Model within = model_of(20, 30);
  CHECK(within.gaps.empty());
  const Model beyond = model_of(320, 320);
  REQUIRE(beyond.gaps.size() == 1);
  CHECK(beyond.gaps[0] ==
        "of page faults that might happen, 100000 were looked at together with what their server locks, and "
        "others not");
  CHECK(beyond.dependencies.size() < 102'000);
  CHECK(beyond.dependencies.size() > 100'000);
}

TEST_CASE("server reads on the thread's behalf what the thread reads") {
  CHECK(outcome("T1: A/r U. A/r^U^S -A") == "");
}

TEST_CASE("fault wants to read the declared mmap_lock that its thread holds") {
  const Judged result = judged("T1: M !M");
  REQUIRE(outcome(result.judgement) == "error self M -> M");
  CHECK(result.findings()[0].why ==
        "thread T1 (101) waits by a page fault for M, which it holds to write, to read");
}

TEST_CASE("fault wants to read the declared mmap_lock that its thread reads: only behind a writer") {
  CHECK(outcome("T1: M/f !M") == "note compatible M -> M");
  CHECK(outcome("T1: M/f !M; T2: M A") == "error self M -> M");
}

TEST_CASE("two threads that fault into each other's lock through one server") {
  // Beside the cycle of the two locks: while the server waits for the lock of one thread on behalf of the
  // other, it does not serve the one.
  CHECK(outcome("T1: A U. B^U^S -A; T2: B U. A^U^S -B; S: @U A -A B") ==
        "error feasible A -> B -> A\n"
        "error feasible A -> service(uffd) -> A\n"
        "error feasible B -> service(uffd) -> B");
}

TEST_CASE(
    "a server's own two locks in both orders by that server alone are a warning, also on behalf of others") {
  CHECK(outcome("T1: A U. P^U^S @P M^U^S -P -A; S: @U P M -M -P -U; S: M P").find("error") ==
        std::string::npos);
}

// The model of the kernel's mmap_lock: a thread waits for it by a fault (shared, fair) or by a call that
// changes the mappings (exclusively). Nobody is seen to hold it, so what is held over it makes no cycle. It
// would take somebody who waits inside the kernel with it held, as a change of a FUSE file's mapping may for
// its server.
static const std::vector<LockDetail> kModelLock{{"M", R"("kind":"mmap_lock")"}};

TEST_CASE(
    "locks held over faults and changes of the mappings, in any order: no cycle through the model "
    "mmap_lock") {
  CHECK(outcome("T1: A !M; T2: B M. -B; T3: A M. -A; T4: %M.", kModelLock) == "");
}

TEST_CASE("a server that changes the mappings while a thread with a lock waits for it: no cycle") {
  CHECK(outcome("T1: A !M=U U. -A; S: @U M. A", kModelLock) == "error feasible A -> service(uffd) -> A");
  CHECK(outcome("T1: A !M=U U. -A; S: @U M. B", kModelLock) == "");
}

TEST_CASE("a call that waits for its server with the model mmap_lock held, and the server faults: a note") {
  const Judged result = judged("T1: @M U.; S: @U !M", kModelLock);
  REQUIRE(outcome(result.judgement) == "note model M -> service(uffd) -> M");
}

TEST_CASE("the same with the program's own mmap_lock: found") {
  CHECK(outcome("T1: @M U.; S: @U !M") == "error feasible M -> service(uffd) -> M");
}

TEST_CASE("readers of the declared mmap_lock, one by a fault: only with a third thread that maps") {
  const std::string readers = "T1: M/f P -P -M; T2: P !M; ";
  CHECK(outcome(readers) == "note compatible M -> P -> M");
  CHECK(outcome(readers + "T3: %M") == "error feasible M -> P -> M");
  // What the mapper holds keeps one of them away meanwhile.
  CHECK(outcome("T1: G M/f P -P -M; T2: P !M; T3: G M") == "note compatible M -> P -> M");
}
