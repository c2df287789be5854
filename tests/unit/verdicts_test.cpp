// Every verdict by the lock shape that earns it, and the shape next to it that does not.
#include <doctest/doctest.h>

#include "event_script.h"

using namespace faultline;

TEST_CASE("AB/BA by two threads is feasible") {
  const Judged result = judged("T1: A B -B -A; T2: B A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> B -> A");
  const Finding& finding = result.findings().front();
  CHECK(finding.kind == Kind::LockOrder);
  CHECK(finding.why == "two threads, no common lock, both alive at once");
  CHECK(finding.instances == 1);
  REQUIRE(finding.edges.size() == 2);
  const Model& model = result.model;
  CHECK(model.locks[finding.edges[0].from].name == "A");
  CHECK(model.locks[finding.edges[0].to].name == "B");
  CHECK(model.threads[model.dependencies[finding.edges[0].dependency].thread].name == "T1");
  CHECK(model.held[finding.edges[0].held].lock == finding.edges[0].from);
  CHECK(model.threads[model.dependencies[finding.edges[1].dependency].thread].name == "T2");
}

TEST_CASE("AB/AB by two threads is no cycle") {
  CHECK(outcome("T1: A B -B -A; T2: A B") == "");
}

TEST_CASE("AB/BA with the first lock let go before the second is no cycle") {
  CHECK(outcome("T1: A -A B -B; T2: B A") == "");
}

TEST_CASE("AB/BA by one thread is a warning") {
  const Judged result = judged("T1: A B -B -A B A");
  REQUIRE(outcome(result.judgement) == "warning same-thread A -> B -> A");
  CHECK(result.findings()[0].why == "only thread T1 (101) takes A -> B and B -> A, never two threads");
}

TEST_CASE("AB/BA by one thread, one of them in many others too, is feasible") {
  CHECK(outcome("T1: A B/o -B -A B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA under a common lock is gated") {
  const Judged result = judged("T1: G A B -B -A -G; T2: G B A");
  REQUIRE(outcome(result.judgement) == "note gated A -> B -> A");
  CHECK(result.findings()[0].why == "A -> B and B -> A are both taken under G, so never at once");
}

TEST_CASE("AB/BA with the common lock between the two is gated") {
  CHECK(outcome("T1: A G B -B -G -A; T2: G B A").find("note gated A -> B -> A") != std::string::npos);
}

TEST_CASE("AB/BA under a common lock in one thread only is feasible") {
  CHECK(outcome("T1: G A B -B -A -G; T2: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA under a common lock taken by trylock is gated") {
  CHECK(outcome("T1: ?G A B -B -A -G; T2: G B A") == "note gated A -> B -> A");
}

TEST_CASE("AB/BA under a common lock that both read is feasible") {
  CHECK(outcome("T1: G/r A B -B -A -G; T2: G/r B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA under a common lock read by one and written by the other is gated") {
  CHECK(outcome("T1: G/r A B -B -A -G; T2: G B A") == "note gated A -> B -> A");
}

TEST_CASE("AB/BA under two locks that have nothing in common is feasible") {
  CHECK(outcome("T1: G A B -B -A -G; T2: H B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA with the inner lock of one by trylock is no cycle") {
  CHECK(outcome("T1: A ?B -B -A; T2: B A") == "");
}

TEST_CASE("AB/BA with the outer locks by trylock is feasible") {
  CHECK(outcome("T1: ?A B -B -A; T2: ?B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA with the first thread joined before the second is created is ordered") {
  const Judged result = judged("T1: +T2; T2: A B; T1: <T2 +T3; T3: B A");
  REQUIRE(outcome(result.judgement) == "note ordered A -> B -> A");
  CHECK(
      result.findings()[0].why ==
      "A -> B by thread T2 (102) is always over before B -> A by thread T3 (103): thread T2 (102) had ended "
      "and been joined");
}

TEST_CASE("AB/BA with the first thread joined after the second is created is feasible") {
  CHECK(outcome("T1: +T2; T2: A B; T1: +T3 <T2; T3: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA by two threads of which each is said to have joined the other is feasible") {
  const Judged impossible = judged("T2: ; T1: A B -B -A <T2; T2: <T1 B A");
  CHECK(outcome(impossible.judgement) == "error feasible A -> B -> A");
  CHECK(
      impossible.judgement.bounds ==
      std::vector<std::string>{"2 joins of threads contradict each other, so none of them was believed: the "
                               "trace is damaged"});
  CHECK(outcome("T1: A B -B -A; T2: <T1 B A") == "note ordered A -> B -> A");
}

TEST_CASE("AB by the creator before it creates the thread of BA is ordered") {
  const Judged result = judged("T1: A B -B -A +T2; T2: B A");
  REQUIRE(outcome(result.judgement) == "note ordered A -> B -> A");
  CHECK(result.findings()[0].why ==
        "A -> B by thread T1 (101) is always over before B -> A by thread T2 (102): threads created only "
        "after it "
        "lead there");
}

TEST_CASE("AB by the creator after it creates the thread of BA is feasible") {
  CHECK(outcome("T1: +T2 A B -B -A; T2: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB before and after the creation of the thread of BA is feasible") {
  CHECK(outcome("T1: A B -B -A +T2 A B -B -A; T2: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB open for all later epochs, then the thread of BA, is feasible") {
  CHECK(outcome("T1: A B/e -B -A +T2; T2: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA: the inner readers of recursive rwlocks are compatible") {
  const Judged result = judged("T1: A/r B -B -A; T2: B A/r");
  REQUIRE(outcome(result.judgement) == "note compatible A -> B -> A");
  CHECK(result.findings()[0].why ==
        "thread T2 (102) waits for A to read it, which thread T1 (101) holds to read it: readers do not "
        "block each "
        "other");
}

TEST_CASE("AB/BA: a reader that meets a writer is feasible") {
  CHECK(outcome("T1: A B -B -A; T2: B A/r") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA: a writer that meets a reader is feasible") {
  CHECK(outcome("T1: A/r B -B -A; T2: B A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA: a fair reader behind a reader without a writer is compatible") {
  const Judged result = judged("T1: A/f B -B -A; T2: B A/f");
  REQUIRE(outcome(result.judgement) == "note compatible A -> B -> A");
  CHECK(
      result.findings()[0].why.ends_with("and no further thread was seen that could wait then to write it"));
}

TEST_CASE("AB/BA: a fair reader behind a reader with a third thread that writes is feasible") {
  const Judged result = judged("T1: A/f B -B -A; T2: B A/f; T3: C A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> B -> A");
  CHECK(result.findings()[0].why ==
        "two threads, no common lock, both alive at once; thread T2 (102) reads A behind thread T3 (103), "
        "which "
        "waits to write it");
}

TEST_CASE("AB/BA: a third thread that wrote with nothing else held counts by what it took under the lock") {
  CHECK(outcome("T1: A/f B -B -A; T2: B A/f; T3: A C") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA: a third thread that wrote with nothing else held counts where its wait was recorded") {
  CHECK(outcome("T1: A/f B -B -A; T2: B A/f; T3: %A") == "error feasible A -> B -> A");
}

TEST_CASE("AB/BA: a fair reader behind a reader whose only writer is one of the two is compatible") {
  CHECK(outcome("T1: A/f B -B -A; T2: B A/f -A -B C A") == "note compatible A -> B -> A");
}

TEST_CASE("AB/BA: a third thread that writes under the gate of a reader does not count") {
  CHECK(outcome("T1: G A/f B -B -A; T2: B A/f; T3: G A").find("note compatible A -> B -> A") == 0);
}

TEST_CASE("AB/BA: a third thread that writes before the readers are created does not count") {
  CHECK(outcome("T0: +T3; T3: C A; T0: <T3 +T1 +T2; T1: A/f B -B -A; T2: B A/f") ==
        "note compatible A -> B -> A");
}

TEST_CASE("AB/BA: a third thread that writes by trylock or with a time limit does not count") {
  CHECK(outcome("T1: A/f B -B -A; T2: B A/f; T3: C ?A -A A/t") == "note compatible A -> B -> A");
}

TEST_CASE("AB/BA with one timed wait is a warning") {
  const Judged result = judged("T1: A B/t -B -A; T2: B A");
  REQUIRE(outcome(result.judgement) == "warning timed A -> B -> A");
  CHECK(result.findings()[0].why == "the wait of thread T1 (101) for B has a time limit");
}

TEST_CASE("AB/BA with both waits timed is a note") {
  CHECK(outcome("T1: A B/t -B -A; T2: B A/t") == "note timed A -> B -> A");
}

TEST_CASE("AB/BA with a timed wait that another sighting has without limit is feasible") {
  CHECK(outcome("T1: A B/t -B -A; T2: B A -A -B; T3: A B") == "error feasible A -> B -> A");
}

TEST_CASE("AA on a normal mutex is a self-lock") {
  const Judged result = judged("T1: A A");
  REQUIRE(outcome(result.judgement) == "error self A -> A");
  CHECK(result.findings()[0].kind == Kind::SelfLock);
  CHECK(result.findings()[0].why == "thread T1 (101) waits for A, which it holds to write, to write");
}

TEST_CASE("AA on a recursive mutex is nothing") {
  CHECK(outcome("T1: A A", {{"A", R"("type":"recursive")"}}) == "");
}

TEST_CASE("ABA on a recursive mutex is no cycle of A and B") {
  CHECK(outcome("T1: A B A -A -B -A; T2: A B", {{"A", R"("type":"recursive")"}}) == "");
}

TEST_CASE("AA on an error-checking mutex is misuse") {
  const Judged result = judged("T1: A A", {{"A", R"("type":"errorcheck")"}});
  REQUIRE(outcome(result.judgement) == "warning misuse A -> A");
  CHECK_FALSE(result.findings()[0].verdict.has_value());
}

TEST_CASE("AA with a time limit is a warning") {
  CHECK(outcome("T1: A A/t") == "warning timed A -> A");
}

TEST_CASE("AA on an rwlock: read after recursive read is nothing") {
  CHECK(outcome("T1: A/r A/r") == "");
}

TEST_CASE("AA on an rwlock: fair read after read alone is compatible") {
  CHECK(outcome("T1: A/f A/f") == "note compatible A -> A");
}

TEST_CASE("AA on an rwlock: fair read after read with a writer of another thread is a self-lock") {
  const Judged result = judged("T1: A/f A/f; T2: B A");
  REQUIRE(outcome(result.judgement) == "error self A -> A");
  CHECK(result.findings()[0].why ==
        "thread T1 (101) waits for A, which it holds to read, to read; thread T1 (101) reads A behind thread "
        "T2 "
        "(102), which waits to write it");
}

TEST_CASE("AA on an rwlock: write after read is a self-lock") {
  CHECK(outcome("T1: A/r A") == "error self A -> A");
}

TEST_CASE("AA on an rwlock: write or read after write is misuse") {
  CHECK(outcome("T1: A A -A -A A/r -A") == "warning misuse A -> A");
  CHECK(outcome("T1: A A/r") == "warning misuse A -> A");
}

TEST_CASE("an order that was not seen but could be counts, and says so") {
  const Judged result = judged("T1: A B/u -B -A; T2: B A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> B -> A");
  REQUIRE(result.findings()[0].notes.size() == 1);
  CHECK(result.findings()[0].notes[0] == "A -> B did not happen in this run, but could have");
}

TEST_CASE(
    "AB/BA through a file lock that the process owns is compatible, one that a description owns is found") {
  const Judged result = judged("T1: A F; T2: F A", {{"F", R"("owner":"process")"}});
  REQUIRE(outcome(result.judgement) == "note compatible A -> F -> A");
  CHECK(
      result.findings()[0].why ==
      "thread T1 (101) waits for F, which thread T2 (102) holds: the process owns it, so its threads do not "
      "block each other");
  CHECK(outcome("T1: A F; T2: F A", {{"F", R"("owner":"description")"}}) == "error feasible A -> F -> A");
}
