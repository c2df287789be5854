// The search against plain enumeration, on random small programs: for every order the worst severity of any
// cycle through it, and the length of the shortest cycle of that severity, must be the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "cycles.h"
#include "event_script.h"
#include "lock_graph.h"
#include "verdicts.h"

using namespace faultline;

namespace {

using Order = std::pair<Vertex, Vertex>;

struct Best {
  Severity severity = Severity::Note;
  std::size_t length = 0;

  void improve(Severity new_severity, std::size_t new_length) {
    if (length != 0 && (new_severity < severity || (new_severity == severity && new_length >= length)))
      return;
    severity = new_severity;
    length = new_length;
  }
};
using BestByOrder = std::map<Order, Best>;

void note_cycle(BestByOrder& best, const std::vector<Order>& orders, Severity severity) {
  for (const Order& order : orders) best[order].improve(severity, orders.size());
}

// Every simple cycle with every choice of witnesses.
class Enumeration {
 public:
  Enumeration(const Component& component, Verdicts& verdicts) : component_(component), verdicts_(verdicts) {}

  BestByOrder run() {
    for (const GraphEdge& edge : component_.edges) {
      start_ = edge.from;
      extend(edge);
    }
    return best_;
  }

 private:
  void extend(const GraphEdge& edge) {
    orders_.emplace_back(edge.from, edge.to);
    for (const Witness& witness : component_.witnesses_of(edge)) {
      chosen_.push_back(witness);
      if (edge.to == start_) {
        note_cycle(best_, orders_, verdicts_.judge(chosen_).severity);
      } else {
        for (const GraphEdge& next : component_.edges)
          if (next.from == edge.to && !passes(next.to)) extend(next);
      }
      chosen_.pop_back();
    }
    orders_.pop_back();
  }
  bool passes(Vertex vertex) const {
    return vertex != start_ && std::ranges::any_of(orders_, [&](const Order& o) {
             return o.first == vertex || o.second == vertex;
           });
  }

  const Component& component_;
  Verdicts& verdicts_;
  Vertex start_ = 0;
  std::vector<Order> orders_;
  std::vector<Witness> chosen_;
  BestByOrder best_;
};

// A few threads that take up to four of five locks, nested, now and then shared, timed, by trylock, or before
// they create another thread.
std::string random_script(std::mt19937& random) {
  const auto below = [&](int size) { return std::uniform_int_distribution<int>(0, size - 1)(random); };
  const char* endings[] = {"", "", "", "", "", "", "/t", "/r", "/f", "/o"};
  std::string script;
  for (int part = 0; part < 7; ++part) {
    script += "T" + std::to_string(below(4)) + ": ";
    std::string locks = "ABCDE";
    std::ranges::shuffle(locks, random);
    const int count = 2 + below(3);
    std::string releases;
    for (int i = 0; i < count; ++i) {
      const std::string lock(1, locks[i]);
      script += (below(12) == 0 ? "?" : "") + lock + endings[below(10)] + ' ';
      releases += " -" + lock;
    }
    script += releases;
    if (part == 2) script += " +T7";
    script += "; ";
    if (part == 4) script += "T7: " + std::string(1, locks[0]) + ' ' + locks[1] + "; T0: <T7; ";
  }
  return script;
}

}  // namespace

TEST_CASE("the search finds what enumeration finds") {
  std::mt19937 random(7);
  std::map<Severity, int> seen;
  for (int round = 0; round < 150; ++round) {
    const std::string script = random_script(random);
    CAPTURE(script);
    const Model model = model_of(script);
    Verdicts verdicts(model);
    for (const Component& component : build_lock_graph(model, vertex_per_lock(model)).components) {
      const BestByOrder expected = Enumeration(component, verdicts).run();
      SearchBudget budget;
      BestByOrder found;
      for (const Cycle& cycle : CycleSearch(model, component, verdicts, budget).all()) {
        std::vector<Order> orders;
        for (std::size_t i = 0; i < cycle.vertices.size(); ++i)
          orders.emplace_back(cycle.vertices[i], cycle.vertices[(i + 1) % cycle.vertices.size()]);
        note_cycle(found, orders, cycle.verdict.severity);
      }
      REQUIRE(budget.bounds_reached().empty());
      for (const auto& entry : expected) {
        const Order& order = entry.first;
        const Best& best = entry.second;
        INFO("order of locks ", order.first, " and ", order.second);
        CHECK(found[order].severity == best.severity);
        CHECK(found[order].length == best.length);
        ++seen[best.severity];
      }
    }
  }
  // The programs are not all of one kind.
  CHECK(seen[Severity::Error] > 100);
  CHECK(seen[Severity::Warning] > 20);
  CHECK(seen[Severity::Note] > 20);
}
