// What the search finds: the shortest cycle of the highest severity through each order, and each cycle once.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "cycles.h"
#include "event_script.h"
#include "explain.h"
#include "lock_graph.h"
#include "verdicts.h"

using namespace faultline;

namespace {

// L1 ... Ln, each taken under the one before by a thread of its own, and L1 under Ln.
std::string ring(int size) {
  std::string script;
  for (int i = 0; i < size; ++i)
    script +=
        "T" + std::to_string(i) + ": L" + std::to_string(i) + " L" + std::to_string((i + 1) % size) + "; ";
  return script;
}

// `count` threads that take A and B one way round under G, and as many the other way.
std::string gated_pairs(int count) {
  std::string script;
  for (int i = 0; i < count; ++i)
    script += "T" + std::to_string(i) + ": G A B; S" + std::to_string(i) + ": G B A; ";
  return script;
}

// The cycles of the only component of `script` under these bounds, and the sentences about those.
struct Searched {
  Searched(const std::string& script, SearchBounds bounds)
      : model(model_of(script)), verdicts(model), graph(build_lock_graph(model, vertex_per_lock(model))) {
    REQUIRE(graph.components.size() == 1);
    SearchBudget budget{.bounds = bounds};
    cycles = CycleSearch(model, graph.components[0], verdicts, budget).all();
    sentences = budget.bounds_reached();
  }

  Model model;
  Verdicts verdicts;
  LockGraph graph;
  std::vector<Cycle> cycles;
  std::vector<std::string> sentences;
};

}  // namespace

TEST_CASE("a ring of five locks is one finding of five locks") {
  const Judged result = judged(ring(5));
  REQUIRE(outcome(result.judgement) == "error feasible L0 -> L1 -> L2 -> L3 -> L4 -> L0");
  CHECK(result.findings()[0].locks.size() == 5);
  CHECK(result.findings()[0].edges.size() == 5);
  CHECK(result.findings()[0].why == "five threads, no common lock, all alive at once");
}

TEST_CASE("a ring of five locks with one order turned round is no cycle") {
  CHECK(outcome("T0: A B; T1: B C; T2: C D; T3: D E; T4: A E") == "");
}

TEST_CASE("a ring of three hundred locks is found") {
  const Judged result = judged(ring(300));
  REQUIRE(result.findings().size() == 1);
  CHECK(result.findings()[0].severity == Severity::Error);
  CHECK(result.findings()[0].locks.size() == 300);
  CHECK(result.judgement.bounds.empty());
}

TEST_CASE("a gated AB/BA does not hide a feasible ABC") {
  // A -> B is in both cycles; only the longer one can happen.
  const Judged result = judged("T1: G A B -B -A -G; T2: G B A -A -B -G; T3: B C; T4: C A");
  CHECK(outcome(result.judgement) == "error feasible A -> B -> C -> A\nnote gated A -> B -> A");
}

TEST_CASE("a gated AB/BA next to a gated ABC stays two notes") {
  const Judged result = judged("T1: G A B -B -A -G; T2: G B A -A -B -G; T3: G B C -C -B -G; T4: G C A");
  CHECK(result.findings().size() >= 2);
  for (const Finding& finding : result.findings()) CHECK(finding.severity == Severity::Note);
  CHECK(result.judgement.bounds.empty());
}

TEST_CASE("another witness of the same orders is tried before a cycle is explained away") {
  CHECK(outcome("T1: G A B -B -A -G; T2: G B A -A -B -G; T3: A B") == "error feasible A -> B -> A");
}

TEST_CASE("many gated sightings of AB/BA do not hide the ones that lack the gate") {
  const Judged hidden = judged(gated_pairs(80) + "X: A B; Y: B A");
  CHECK(outcome(hidden.judgement) == "error feasible A -> B -> A");
  CHECK(hidden.judgement.bounds.empty());

  const Judged all_gated = judged(gated_pairs(80));
  REQUIRE(outcome(all_gated.judgement) == "note gated A -> B -> A");
  CHECK(all_gated.judgement.bounds.empty());
  CHECK(all_gated.findings()[0].why == "A -> B and B -> A are both taken under G, so never at once");
  CHECK(all_gated.findings()[0].notes.empty());
}

TEST_CASE("many gated sightings of ABC do not hide the ones that lack the gate") {
  std::string script;
  for (int i = 0; i < 80; ++i)
    script += "T" + std::to_string(i) + ": G A B; S" + std::to_string(i) + ": G B C; R" + std::to_string(i) +
              ": G C A; ";
  CHECK(outcome(script + "X: A B; Y: B C; Z: C A") == "error feasible A -> B -> C -> A");
  CHECK(outcome(script) == "note gated A -> B -> C -> A");
}

TEST_CASE("sightings by one thread do not hide a later one by another") {
  std::string script = "T1: ";
  for (int i = 0; i < 80; ++i)
    script += "A B -B -A B A -A -B +W" + std::to_string(i) + " <W" + std::to_string(i) + ' ';
  CHECK(outcome(script + "; T2: B A") == "error feasible A -> B -> A");
  CHECK(outcome(script) == "warning same-thread A -> B -> A");
}

TEST_CASE("a cycle that is no error claims no more than the sightings that were tried") {
  const Searched bounded(gated_pairs(3), {.witnesses_of_pairs = 2});
  REQUIRE(bounded.cycles.size() == 1);
  CHECK(bounded.cycles[0].may_be_worse);
  REQUIRE(bounded.sentences.size() == 1);
  CHECK(bounded.sentences[0].starts_with("for 2 of 2 orders in cycles only"));
  const NoNames names;
  const LockClasses classes(bounded.model, names);
  const Explainer explainer(bounded.model, classes);
  CHECK(explainer.why(bounded.cycles[0]) ==
        "in the sightings that were tried, A -> B and B -> A are both taken under G, so never at once");
  CHECK(
      explainer.notes(bounded.cycles[0]) ==
      std::vector<std::string>{"the search stopped at a bound: sightings that were not tried may be worse"});

  const Searched whole(gated_pairs(3), {});
  REQUIRE(whole.cycles.size() == 1);
  CHECK_FALSE(whole.cycles[0].may_be_worse);
  CHECK(whole.sentences.empty());
}

TEST_CASE("a bound on sightings is not told of an order that is in an error") {
  const Searched found(gated_pairs(3) + "X: A B; Y: B A", {.witnesses_of_pairs = 2});
  REQUIRE(found.cycles.size() == 1);
  CHECK(found.cycles[0].verdict.severity == Severity::Error);
  CHECK_FALSE(found.cycles[0].may_be_worse);
  CHECK(found.sentences.empty());
}

TEST_CASE("cycles that are explained away do not use up the room of errors") {
  const std::string many_gated = "T1: G A B; T2: G B A; T3: G B C; T4: G C B; T5: G C D; T6: G D C; ";
  const std::string link = "T7: G D E; T8: G E D; ";
  const Searched found(many_gated + link + "X: E F; Y: F H; Z: H E", {.cycles = 1});
  REQUIRE(found.cycles.size() == 2);
  CHECK(found.cycles[0].verdict.severity == Severity::Error);
  CHECK(found.cycles[0].witnesses.size() == 3);
  CHECK(found.cycles[1].verdict.severity == Severity::Note);
  REQUIRE(found.sentences.size() == 1);
  CHECK(found.sentences[0].find("gave no error and no warning") != std::string::npos);

  CHECK(Searched(many_gated, {.cycles = 100}).sentences.empty());
}

TEST_CASE("a same-thread AB/BA does not hide a feasible ABC") {
  CHECK(outcome("T1: A B -B -A B A -A -B; T2: B C; T3: C A") ==
        "error feasible A -> B -> C -> A\nwarning same-thread A -> B -> A");
}

TEST_CASE("a warning is preferred to a shorter note") {
  // B -> A only under the gate of A -> B; the way by C is by one thread.
  CHECK(outcome("T1: G A B -B -A -G; T1: G B A -A -B -G B C -C -B C A")
            .find("warning same-thread A -> B -> C -> A") != std::string::npos);
}

TEST_CASE("two separate AB/BA are two findings, the same one twice is one with two instances") {
  CHECK(outcome("T1: A B; T2: B A; T3: C D; T4: D C") ==
        "error feasible A -> B -> A\nerror feasible C -> D -> C");
  // Other instances of the same classes: named alike.
  const Judged twice = judged("T1: A B -B -A X Y; T2: B A -A -B Y X", {});
  CHECK(twice.findings().size() == 2);
}

TEST_CASE("a lock held by two orders of a longer cycle keeps it from happening") {
  // T1 and T2 both hold A: A -> B -> C -> A needs both; A -> C and C -> A is what can happen.
  const Judged result = judged("T1: A B -B -A; T2: A B C; T3: C A");
  CHECK(outcome(result.judgement).find("error feasible A -> C -> A") == 0);
}

TEST_CASE("a search that reaches a bound says so") {
  const Model model = model_of("T1: G A B -B -A -G; T2: G B A -A -B -G; T3: G B C -C -B -G; T4: G C A");
  Verdicts verdicts(model);
  const LockGraph graph = build_lock_graph(model, vertex_per_lock(model));
  REQUIRE(graph.components.size() == 1);

  SearchBudget whole;
  CycleSearch(model, graph.components[0], verdicts, whole).all();
  CHECK(whole.bounds_reached().empty());

  SearchBudget none{.bounds = {.steps_in_all = 0}};
  CHECK(CycleSearch(model, graph.components[0], verdicts, none).all().empty());
  REQUIRE(none.bounds_reached().size() == 1);
  CHECK(none.bounds_reached()[0] == "4 of 4 orders in cycles were not searched: there are too many");

  SearchBudget little{.bounds = {.steps_per_order = 1}};
  CHECK_FALSE(CycleSearch(model, graph.components[0], verdicts, little).all().empty());
}

TEST_CASE("the one inverted pair of a long chain is found before the search runs into its bound") {
  std::string chain = "T1:";
  for (int i = 0; i < 200; ++i) chain += " L" + std::to_string(i);
  const Model model = model_of(chain + "; T2: L199 L0");
  Verdicts verdicts(model);
  const LockGraph graph = build_lock_graph(model, vertex_per_lock(model));
  REQUIRE(graph.components.size() == 1);
  CHECK(graph.components[0].edges.size() == 200 * 199 / 2 + 1);
  SearchBudget small{.bounds = {.steps_in_all = 30'000}};
  const auto cycles = CycleSearch(model, graph.components[0], verdicts, small).all();
  CHECK_FALSE(small.bounds_reached().empty());
  REQUIRE_FALSE(cycles.empty());
  CHECK(cycles[0].witnesses.size() == 2);
  CHECK(cycles[0].verdict.severity == Severity::Error);
}

TEST_CASE("alternative witnesses of an order come after its first, with another manner") {
  const Judged result = judged("T1: A !M -A A !M/k -A; T2: M A");
  REQUIRE(outcome(result.judgement) == "error feasible A -> M -> A");
  const auto& edges = result.findings()[0].edges;
  REQUIRE(edges.size() == 3);
  CHECK_FALSE(edges[0].alternative);
  CHECK(result.model.dependencies[edges[0].dependency].fault.origin == Origin::User);
  CHECK(edges[1].alternative);
  CHECK(result.model.dependencies[edges[1].dependency].fault.origin == Origin::KernelCopy);
  CHECK(edges[1].from == edges[0].from);
  CHECK_FALSE(edges[2].alternative);
}

TEST_CASE("the graph keeps no edge of a program without cycles, and counts them all") {
  std::string chain = "T1:";
  for (int i = 0; i < 100; ++i) chain += " L" + std::to_string(i);
  const Model model = model_of(chain);
  CHECK(build_lock_graph(model, vertex_per_lock(model)).components.empty());
  CHECK(count_edges(model).edges == 100 * 99 / 2);
  CHECK(count_edges(model).complete);
}
