// The cycles worth telling of: for every order inside a component the shortest cycle through it of the
// highest severity.
//
// A gated cycle of two locks must not hide a feasible one of three, so an order's shortest cycle is explained
// away only after longer ones and other witnesses have been tried: first for a cycle that is an error, then
// for one that is a warning, each by growing length. All orders are searched for errors before any is for
// warnings, and for those before any is explained away, each with a budget of its own. The search cuts a
// branch as soon as two of its witnesses cannot both be part of such a cycle. It is exponential at worst,
// hence bounded in steps per order and in all; a bound that was reached is said, with what it leaves open.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "cycle_rules.h"
#include "lock_graph.h"
#include "search_budget.h"

namespace faultline {

struct Cycle {
  std::vector<Vertex> vertices;  // whose lock each witness holds
  // Each waits for the lock the next one holds, the last for that of the first.
  std::vector<Witness> witnesses;
  CycleVerdict verdict;
  // It is no error, and a bound kept the search from trying all that could have made it one.
  bool may_be_worse = false;
};

class CycleSearch {
 public:
  // Keeps references to all of them. Cost: linear in the component.
  CycleSearch(const Model& model, const Component& component, CycleRules& rules, SearchBudget& budget);

  // The cycles of the component, those of one lock included, each once. The same in the same order on every
  // run.
  std::vector<Cycle> all();

  // The best cycle over exactly these vertices in this order; without witnesses if the component lacks one of
  // the orders.
  Cycle best_over(std::span<const Vertex> vertices);

 private:
  using Local = std::uint32_t;      // a vertex of the component, from 0
  using EdgeIndex = std::uint32_t;  // into the component's edges
  static constexpr std::uint32_t kUnreachable = ~std::uint32_t{0};
  static constexpr Local kNoTarget = ~Local{0};
  static constexpr EdgeIndex kNoEdge = ~EdgeIndex{0};

  // One place of the cycle being built: the edges and witnesses still to be tried there.
  struct Level {
    EdgeIndex edge;
    EdgeIndex end;
    std::size_t witness;
  };

  // What bounds left open for an order.
  struct Open {
    bool cut_short = false;
    bool more_witnesses = false;
    std::optional<Severity> not_searched;  // the first severity of which that is true

    bool any() const { return cut_short || more_witnesses || not_searched; }
  };

  Local local(Vertex vertex) const;
  std::vector<EdgeIndex> reverses() const;
  void measure_distances_to(Local target);
  std::size_t shortest_length(EdgeIndex edge) const;
  void search_all(Severity severity, std::vector<Cycle>& cycles);
  bool is_settled(EdgeIndex edge, Severity severity) const;
  std::optional<Cycle> best_pair(EdgeIndex edge, Severity target);
  std::optional<Cycle> best_through(EdgeIndex edge, Severity target);
  std::optional<Cycle> search_by_length(EdgeIndex edge, Severity target);
  bool has_way_round(EdgeIndex edge);
  void note_outcome(EdgeIndex edge, Severity target, std::optional<Cycle>& cycle);
  void count_what_is_open();
  std::optional<Cycle> find(EdgeIndex first, std::size_t length, Severity target,
                            std::span<const EdgeIndex> fixed = {});
  std::optional<Witness> next_candidate(Level& level, std::size_t length, Severity target);
  bool leads_on(EdgeIndex edge, std::size_t length);
  bool admissible(const Witness& witness, std::size_t length, Severity target);
  void retract();
  Cycle shortest_through(EdgeIndex edge);
  Cycle cycle_of(std::span<const EdgeIndex> edges, std::vector<Witness> witnesses, CycleVerdict verdict);
  void keep(Cycle cycle, Severity severity, std::vector<Cycle>& cycles);
  const std::vector<Witness>& witnesses(EdgeIndex edge);

  std::uint64_t steps() const { return budget_.steps + rules_.steps(); }
  bool all_spent(Severity severity) const;
  bool out_of_steps() const { return steps() > step_limit_; }

  const Model& model_;
  const Component& component_;
  CycleRules& rules_;
  SearchBudget& budget_;
  std::vector<Vertex> vertices_;     // sorted
  std::vector<Local> from_, to_;     // by edge
  std::vector<EdgeIndex> out_;       // by vertex: its first edge; one more at the end
  std::vector<EdgeIndex> in_edges_;  // by the vertex they lead to
  std::vector<std::uint32_t> in_;    // by vertex: its first in in_edges_; one more at the end
  std::vector<EdgeIndex> reverse_;   // by edge: the one back
  std::unordered_map<EdgeIndex, std::vector<Witness>> witnesses_;  // different ones, in order of trial

  Local distances_to_ = kNoTarget;
  std::vector<std::uint32_t> distance_;  // by vertex: edges to the target
  // By edge: length of the shortest cycle through it found to be an error; 0 for none.
  std::vector<std::uint32_t> error_length_;
  std::vector<bool> has_warning_;                    // by edge: the search for warnings through it found one
  std::vector<Open> open_;                           // by edge
  std::map<std::vector<Vertex>, std::size_t> kept_;  // by smallest rotation: the cycle's place in the result

  // The cycle being built.
  Local start_ = 0;
  std::vector<Level> levels_;
  std::vector<Witness> chosen_;
  std::vector<EdgeIndex> edges_;
  std::vector<char> on_path_;     // by vertex
  bool cut_by_length_ = false;    // something longer would have to be tried
  bool more_witnesses_ = false;   // others than those tried are left
  std::uint64_t step_limit_ = 0;  // for this order
  std::uint64_t step_limit_in_all_ = 0;
};

}  // namespace faultline
