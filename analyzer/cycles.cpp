#include "cycles.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "witness_order.h"

namespace faultline {

CycleSearch::CycleSearch(const Model& model, const Component& component, CycleRules& rules,
                         SearchBudget& budget)
    : model_(model), component_(component), rules_(rules), budget_(budget) {
  // Nearly every vertex has an edge from it, and those are sorted.
  for (const GraphEdge& edge : component.edges)
    if (vertices_.empty() || vertices_.back() != edge.from) vertices_.push_back(edge.from);
  std::vector<Vertex> dead_ends;
  for (const GraphEdge& edge : component.edges)
    if (!std::ranges::binary_search(vertices_, edge.to)) dead_ends.push_back(edge.to);
  vertices_.insert(vertices_.end(), dead_ends.begin(), dead_ends.end());
  std::ranges::sort(vertices_);
  vertices_.erase(std::unique(vertices_.begin(), vertices_.end()), vertices_.end());

  const std::size_t size = vertices_.size();
  out_.assign(size + 1, 0);
  in_.assign(size + 1, 0);
  from_.reserve(component.edges.size());
  to_.reserve(component.edges.size());
  for (const GraphEdge& edge : component.edges) {
    from_.push_back(local(edge.from));
    to_.push_back(local(edge.to));
    ++out_[from_.back() + 1];
    ++in_[to_.back() + 1];
  }
  std::partial_sum(out_.begin(), out_.end(), out_.begin());
  std::partial_sum(in_.begin(), in_.end(), in_.begin());
  in_edges_.resize(from_.size());
  std::vector<std::uint32_t> next(in_.begin(), in_.end() - 1);
  for (EdgeIndex edge = 0; edge < to_.size(); ++edge) in_edges_[next[to_[edge]]++] = edge;

  distance_.assign(size, kUnreachable);
  on_path_.assign(size, 0);
  reverse_ = reverses();
  error_length_.assign(from_.size(), 0);
  has_warning_.assign(from_.size(), false);
  open_.assign(from_.size(), {});
}

CycleSearch::Local CycleSearch::local(Vertex vertex) const {
  return static_cast<Local>(std::ranges::lower_bound(vertices_, vertex) - vertices_.begin());
}

bool CycleSearch::all_spent(Severity severity) const {
  return steps() >= step_limit_in_all_ ||
         budget_.cycles[static_cast<std::size_t>(severity)] >= budget_.bounds.cycles;
}

std::vector<Cycle> CycleSearch::all() {
  std::vector<Cycle> cycles;
  budget_.orders += from_.size();
  for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Note})
    search_all(severity, cycles);
  count_what_is_open();
  return cycles;
}

void CycleSearch::search_all(Severity severity, std::vector<Cycle>& cycles) {
  std::uint64_t& spent = budget_.steps_spent[static_cast<std::size_t>(severity)];
  const std::uint64_t start = steps();
  step_limit_in_all_ = start + budget_.bounds.steps_in_all - std::min(spent, budget_.bounds.steps_in_all);
  const auto give_up = [&](EdgeIndex edge) {
    if (!open_[edge].not_searched) open_[edge].not_searched = severity;
  };
  // Cycles of two come first: they are the plainest findings, found without a look at the whole component,
  // and where it is too large to be searched whole, an inverted pair is what makes it so.
  for (EdgeIndex edge = 0; edge < from_.size() && severity != Severity::Note; ++edge) {
    if (reverse_[edge] == kNoEdge || is_settled(edge, severity)) continue;
    if (all_spent(severity)) {
      give_up(edge);
    } else if (auto cycle = best_pair(edge, severity)) {
      keep(std::move(*cycle), severity, cycles);
    }
  }
  for (EdgeIndex edge = 0; edge < from_.size(); ++edge) {
    if (is_settled(edge, severity)) continue;
    if (all_spent(severity)) {
      give_up(edge);
      continue;
    }
    measure_distances_to(from_[edge]);
    const std::size_t shortest = shortest_length(edge);
    // Not in a cycle after all.
    if (shortest > kUnreachable) continue;
    if (shortest > budget_.bounds.cycle_length) {
      budget_.orders_in_long_cycles += severity == Severity::Error;
      continue;
    }
    if (auto cycle = best_through(edge, severity)) keep(std::move(*cycle), severity, cycles);
  }
  spent += steps() - start;
}

bool CycleSearch::is_settled(EdgeIndex edge, Severity severity) const {
  if (severity != Severity::Error) return error_length_[edge] > 0 || has_warning_[edge];
  return error_length_[edge] > 0 && error_length_[edge] <= 2;
}

void CycleSearch::count_what_is_open() {
  for (EdgeIndex edge = 0; edge < from_.size(); ++edge) {
    // Nothing worse than an error is left to be found.
    if (error_length_[edge] > 0) continue;
    const Open& open = open_[edge];
    budget_.orders_cut_short += open.cut_short;
    budget_.orders_with_more_witnesses += open.more_witnesses;
    if (open.not_searched) ++budget_.orders_not_searched[static_cast<std::size_t>(*open.not_searched)];
  }
}

std::vector<CycleSearch::EdgeIndex> CycleSearch::reverses() const {
  std::vector<EdgeIndex> result(from_.size(), kNoEdge);
  std::vector<EdgeIndex> edge_from(vertices_.size(), kNoEdge);  // by vertex: the last one met
  for (Local vertex = 0; vertex < vertices_.size(); ++vertex) {
    for (std::uint32_t i = in_[vertex]; i < in_[vertex + 1]; ++i)
      edge_from[from_[in_edges_[i]]] = in_edges_[i];
    for (EdgeIndex edge = out_[vertex]; edge < out_[vertex + 1]; ++edge) {
      const EdgeIndex back = edge_from[to_[edge]];
      if (back != kNoEdge && to_[back] == vertex) result[edge] = back;
    }
  }
  return result;
}

void CycleSearch::measure_distances_to(Local target) {
  if (target == distances_to_) return;
  distances_to_ = target;
  std::ranges::fill(distance_, kUnreachable);
  distance_[target] = 0;
  std::vector<Local> queue{target};
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const Local vertex = queue[head];
    for (std::uint32_t i = in_[vertex]; i < in_[vertex + 1]; ++i) {
      const Local before = from_[in_edges_[i]];
      if (distance_[before] != kUnreachable) continue;
      distance_[before] = distance_[vertex] + 1;
      queue.push_back(before);
    }
  }
  budget_.steps += from_.size() / 8 + 1;  // far cheaper steps than those of the rules
}

std::size_t CycleSearch::shortest_length(EdgeIndex edge) const {
  return from_[edge] == to_[edge] ? 1 : std::size_t{distance_[to_[edge]]} + 1;
}

std::optional<Cycle> CycleSearch::best_pair(EdgeIndex edge, Severity target) {
  const bool is_loop = from_[edge] == to_[edge];
  const EdgeIndex edges[] = {edge, reverse_[edge]};
  distances_to_ = kNoTarget;
  distance_[to_[edge]] = 1;
  distance_[from_[edge]] = 0;
  step_limit_ = std::min(steps() + budget_.bounds.steps_per_order, step_limit_in_all_);
  more_witnesses_ = false;
  const std::size_t length = is_loop ? 1 : 2;
  auto cycle = find(edge, length, target, std::span(edges).first(length));
  note_outcome(edge, target, cycle);
  return cycle;
}

std::optional<Cycle> CycleSearch::best_through(EdgeIndex edge, Severity target) {
  std::optional<Cycle> cycle;
  if (target == Severity::Note) {
    cycle = shortest_through(edge);
  } else {
    const std::uint64_t shortest = shortest_length(edge);
    const std::uint64_t allowed = std::max(budget_.bounds.steps_per_order, 4 * shortest * shortest);
    step_limit_ = std::min(steps() + allowed, step_limit_in_all_);
    more_witnesses_ = false;
    cycle = search_by_length(edge, target);
    more_witnesses_ = more_witnesses_ && has_way_round(edge);
  }
  note_outcome(edge, target, cycle);
  return cycle;
}

// Whether the edge is in a cycle of more than two locks, by the graph alone.
bool CycleSearch::has_way_round(EdgeIndex edge) {
  if (reverse_[edge] == kNoEdge) return true;
  std::vector<bool> reached(vertices_.size());
  std::vector<Local> queue{to_[edge]};
  reached[to_[edge]] = true;
  for (std::size_t head = 0; head < queue.size(); ++head) {
    for (EdgeIndex next = out_[queue[head]]; next < out_[queue[head] + 1]; ++next) {
      if (next == reverse_[edge] || reached[to_[next]]) continue;
      if (to_[next] == from_[edge]) return true;
      reached[to_[next]] = true;
      queue.push_back(to_[next]);
    }
  }
  budget_.steps += from_.size() / 8 + 1;
  return false;
}

void CycleSearch::note_outcome(EdgeIndex edge, Severity target, std::optional<Cycle>& cycle) {
  Open& open = open_[edge];
  if (cycle) {
    if (target == Severity::Warning) has_warning_[edge] = true;
    cycle->may_be_worse = cycle->verdict.severity != Severity::Error && open.any();
  } else {
    open.cut_short = open.cut_short || out_of_steps();
    open.more_witnesses = open.more_witnesses || more_witnesses_;
  }
}

std::optional<Cycle> CycleSearch::search_by_length(EdgeIndex edge, Severity target) {
  const std::size_t shortest = shortest_length(edge);
  // Those of one or two locks have been tried.
  for (std::size_t length = std::max<std::size_t>(shortest, 3); length <= budget_.bounds.cycle_length;
       ++length) {
    // No longer one could be better than what another order's search came to.
    if (target == Severity::Error && error_length_[edge] > 0 && error_length_[edge] <= length) break;
    cut_by_length_ = false;
    if (auto cycle = find(edge, length, target)) return cycle;
    if (!cut_by_length_ || out_of_steps()) break;
  }
  return std::nullopt;
}

std::optional<Cycle> CycleSearch::find(EdgeIndex first, std::size_t length, Severity target,
                                       std::span<const EdgeIndex> fixed) {
  start_ = from_[first];
  on_path_[start_] = 1;
  levels_.assign(1, {first, first + 1, 0});
  std::optional<Cycle> found;
  while (!found && !levels_.empty() && !out_of_steps()) {
    if (chosen_.size() == levels_.size()) retract();
    Level& level = levels_.back();
    const auto witness = next_candidate(level, length, target);
    if (!witness) {
      levels_.pop_back();
      continue;
    }
    chosen_.push_back(*witness);
    edges_.push_back(level.edge);
    if (chosen_.size() == length) {
      CycleVerdict verdict = rules_.judge(chosen_);
      if (verdict.severity >= target) found = cycle_of(edges_, chosen_, std::move(verdict));
      continue;
    }
    const Local here = to_[level.edge];
    on_path_[here] = 1;
    const std::size_t place = levels_.size();
    if (fixed.empty()) {
      levels_.push_back({out_[here], out_[here + 1], 0});
    } else {
      levels_.push_back({fixed[place], fixed[place] + 1, 0});
    }
  }
  while (!chosen_.empty()) retract();
  on_path_[start_] = 0;
  return found;
}

std::optional<Witness> CycleSearch::next_candidate(Level& level, std::size_t length, Severity target) {
  for (; level.edge < level.end; ++level.edge, level.witness = 0) {
    if (out_of_steps()) break;
    ++budget_.steps;
    if (!leads_on(level.edge, length)) continue;
    const auto& candidates = witnesses(level.edge);
    const std::size_t bound =
        length <= 2 ? budget_.bounds.witnesses_of_pairs : budget_.bounds.witnesses_per_order;
    const std::size_t tried = std::min(candidates.size(), bound);
    while (level.witness < tried) {
      const Witness& witness = candidates[level.witness++];
      if (admissible(witness, length, target)) return witness;
      if (out_of_steps()) return std::nullopt;
    }
    more_witnesses_ = more_witnesses_ || tried < candidates.size();
  }
  return std::nullopt;
}

bool CycleSearch::leads_on(EdgeIndex edge, std::size_t length) {
  const std::size_t remaining = length - chosen_.size() - 1;
  const Local to = to_[edge];
  if (to == start_) return remaining == 0;
  if (on_path_[to] || distance_[to] == kUnreachable) return false;
  if (distance_[to] > remaining) cut_by_length_ = true;
  return distance_[to] <= remaining;
}

bool CycleSearch::admissible(const Witness& witness, std::size_t length, Severity target) {
  if (rules_.ceiling(witness) < target) return false;
  if (!chosen_.empty() && rules_.next_ceiling(chosen_.back(), witness) < target) return false;
  const Witness& first = chosen_.empty() ? witness : chosen_.front();
  if (chosen_.size() + 1 == length && rules_.next_ceiling(witness, first) < target) return false;
  return std::ranges::all_of(
      chosen_, [&](const Witness& other) { return rules_.pair_ceiling(other, witness) >= target; });
}

void CycleSearch::retract() {
  const Local reached = to_[edges_.back()];
  if (reached != start_) on_path_[reached] = 0;
  chosen_.pop_back();
  edges_.pop_back();
}

Cycle CycleSearch::shortest_through(EdgeIndex edge) {
  std::vector<EdgeIndex> edges{edge};
  for (Local here = to_[edge]; here != from_[edge];) {
    EdgeIndex next = out_[here];
    while (distance_[to_[next]] + 1 != distance_[here]) ++next;
    edges.push_back(next);
    here = to_[next];
  }
  std::vector<Witness> chosen;
  chosen.reserve(edges.size());
  for (const EdgeIndex each : edges) chosen.push_back(witnesses(each).front());
  CycleVerdict verdict = rules_.judge(chosen);
  return cycle_of(edges, std::move(chosen), std::move(verdict));
}

Cycle CycleSearch::best_over(std::span<const Vertex> vertices) {
  std::vector<EdgeIndex> edges;
  for (std::size_t i = 0; i < vertices.size(); ++i) {
    const GraphEdge wanted{vertices[i], vertices[(i + 1) % vertices.size()], 0, 0};
    const auto order = [](const GraphEdge& e) { return std::tuple(e.from, e.to); };
    const auto found = std::ranges::lower_bound(component_.edges, order(wanted), {}, order);
    if (found == component_.edges.end() || order(*found) != order(wanted)) return {};
    edges.push_back(static_cast<EdgeIndex>(found - component_.edges.begin()));
  }
  // Every vertex is as near as the row of edges makes it.
  distances_to_ = kNoTarget;
  for (std::size_t i = 0; i < edges.size(); ++i)
    distance_[from_[edges[i]]] = static_cast<std::uint32_t>((edges.size() - i) % edges.size());
  more_witnesses_ = false;
  bool cut_short = false;
  for (const Severity target : {Severity::Error, Severity::Warning, Severity::Note}) {
    step_limit_ = steps() + budget_.bounds.steps_per_order;
    if (auto cycle = find(edges.front(), edges.size(), target, edges)) {
      cycle->may_be_worse = target != Severity::Error && (cut_short || more_witnesses_);
      return std::move(*cycle);
    }
    cut_short = cut_short || out_of_steps();
  }
  return {};
}

Cycle CycleSearch::cycle_of(std::span<const EdgeIndex> edges, std::vector<Witness> witnesses,
                            CycleVerdict verdict) {
  Cycle cycle;
  cycle.witnesses = std::move(witnesses);
  cycle.verdict = std::move(verdict);
  for (const EdgeIndex edge : edges) {
    cycle.vertices.push_back(vertices_[from_[edge]]);
    auto& length = error_length_[edge];
    if (cycle.verdict.severity == Severity::Error && (length == 0 || edges.size() < length))
      length = static_cast<std::uint32_t>(edges.size());
  }
  return cycle;
}

void CycleSearch::keep(Cycle cycle, Severity severity, std::vector<Cycle>& cycles) {
  std::vector<Vertex> rotation = cycle.vertices;
  std::rotate(rotation.begin(), std::ranges::min_element(rotation), rotation.end());
  const auto [entry, is_new] = kept_.try_emplace(std::move(rotation), cycles.size());
  if (is_new) {
    ++budget_.cycles[static_cast<std::size_t>(severity)];
    cycles.push_back(std::move(cycle));
    return;
  }
  Cycle& known = cycles[entry->second];
  if (cycle.verdict.severity > known.verdict.severity) {
    known = std::move(cycle);
  } else if (!cycle.may_be_worse) {
    known.may_be_worse = false;  // the search from this order tried everything over the same locks
  }
}

const std::vector<Witness>& CycleSearch::witnesses(EdgeIndex edge) {
  const auto [entry, is_new] = witnesses_.try_emplace(edge);
  if (!is_new) return entry->second;
  const auto sightings = component_.witnesses_of(component_.edges[edge]);
  entry->second = in_order_of_trial(model_, rules_, sightings, budget_.bounds.witnesses_per_order);
  budget_.steps += sightings.size();
  return entry->second;
}

}  // namespace faultline
