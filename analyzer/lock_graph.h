// The graph of lock orders: an edge from each lock held to the lock waited for.
//
// Its vertices are lock instances, or groups of them (classes) as the caller maps them. Only what can be part
// of a cycle is kept as edges: a thread that takes a 3,000th lock while it holds 2,999 adds that many edges,
// and most programs are made of such orders and no cycle. So components are found first, on a graph of locks
// and held sets whose size is that of the trace, and edges are made for their inside.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model.h"

namespace faultline {

using Vertex = std::uint32_t;

// One sighting of an order: `held` is the node, in the dependency's held path, of the lock held.
struct Witness {
  DependencyId dependency;
  HeldId held;

  friend constexpr bool operator==(const Witness&, const Witness&) = default;
};

// Which vertex stands for a lock, or for a lock taken as one of its annotated subclasses.
class VertexMap {
 public:
  explicit VertexMap(std::vector<Vertex> by_lock = {},
                     std::map<std::pair<LockId, std::uint8_t>, Vertex> by_subclass = {});

  // A subclass that the map does not tell apart is the lock itself.
  Vertex of(LockId lock, std::uint8_t subclass) const;
  Vertex held(const HeldNode& held) const { return of(held.lock, held.subclass); }
  Vertex wanted(const Dependency& dependency) const { return of(dependency.to, dependency.subclass); }
  // One more than the largest vertex.
  Vertex size() const { return size_; }

 private:
  std::vector<Vertex> by_lock_;  // by lock id less one
  std::map<std::pair<LockId, std::uint8_t>, Vertex> by_subclass_;
  Vertex size_ = 0;
};

// Each lock its own vertex, whatever its subclass.
VertexMap vertex_per_lock(const Model& model);

struct GraphEdge {
  Vertex from;
  Vertex to;
  std::uint32_t first;  // its witnesses, in the component's list
  std::uint32_t count;
};

// A strongly connected component of at least two vertices, or one vertex with an edge to itself.
struct Component {
  std::vector<GraphEdge> edges;  // sorted by from, then to
  std::vector<Witness> witnesses;

  std::span<const Witness> witnesses_of(const GraphEdge& edge) const {
    return std::span(witnesses).subspan(edge.first, edge.count);
  }
};

struct LockGraph {
  std::vector<Component> components;  // in the order of their smallest vertex
  std::vector<std::string> bounds;    // sentences: what was too large to be looked at whole
};

// Cost: linear in the trace, then one step per witness inside a component.
LockGraph build_lock_graph(const Model& model, const VertexMap& vertex_of);

struct EdgeCount {
  std::uint64_t edges;  // distinct pairs of lock instances, one held while the other was waited for
  bool complete;        // false: there are more, but counting them would take too long
};
EdgeCount count_edges(const Model& model);

// Whether the dependency is a wait at all: a thread that takes a recursive mutex again, or an error-checking
// one, or reads again what a reader-preferring rwlock already lets it read, goes on at once.
bool is_wait(const Model& model, const Dependency& dependency);

}  // namespace faultline
