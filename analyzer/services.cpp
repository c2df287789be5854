#include "services.h"

#include <algorithm>
#include <tuple>

namespace faultline {
namespace {

// Whether `wait` is one that the server of `service` causes: a lock it takes meanwhile, or the one the fault
// itself takes.
bool passes(const Dependency& wait, LockId service) {
  return wait.via_service == service || (wait.cause == Cause::Fault && wait.fault.service == service);
}

bool has_way_past(const Model& model, const Component& component, Vertex from, Vertex to, LockId service) {
  const auto ends = [](const GraphEdge& edge) { return std::tuple(edge.from, edge.to); };
  const auto edge = std::ranges::lower_bound(component.edges, std::tuple(from, to), {}, ends);
  if (edge == component.edges.end() || ends(*edge) != std::tuple(from, to)) return false;
  return std::ranges::any_of(component.witnesses_of(*edge), [&](const Witness& witness) {
    return passes(model.dependencies[witness.dependency], service);
  });
}

// The cycle's vertices without the services there is a way past.
std::vector<Vertex> without_services(const Model& model, const Component& component, const Cycle& cycle) {
  std::vector<Vertex> vertices;
  const std::size_t size = cycle.vertices.size();
  for (std::size_t i = 0; i < size; ++i) {
    const LockId lock = model.held[cycle.witnesses[i].held].lock;
    const Vertex before = cycle.vertices[(i + size - 1) % size];
    const Vertex after = cycle.vertices[(i + 1) % size];
    const bool is_service = model.locks[lock].kind == LockKind::Service;
    if (!is_service || !has_way_past(model, component, before, after, lock))
      vertices.push_back(cycle.vertices[i]);
  }
  return vertices;
}

}  // namespace

std::vector<Cycle> fold_services(const Model& model, const Component& component, CycleSearch& search,
                                 std::vector<Cycle> cycles) {
  for (Cycle& cycle : cycles) {
    const std::vector<Vertex> vertices = without_services(model, component, cycle);
    if (vertices.empty() || vertices.size() == cycle.vertices.size()) continue;
    Cycle folded = search.best_over(vertices);
    if (folded.witnesses.empty() || folded.verdict.severity < cycle.verdict.severity) continue;
    folded.may_be_worse =
        folded.verdict.severity != Severity::Error && (folded.may_be_worse || cycle.may_be_worse);
    cycle = std::move(folded);
  }
  return cycles;
}

}  // namespace faultline
