#include "lock_graph.h"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>
#include <numeric>
#include <tuple>

namespace faultline {
namespace {

constexpr std::size_t kMaxWitnesses = 8'000'000;            // 16 bytes each while they are sorted
constexpr std::uint64_t kMaxCountingSteps = 2'000'000'000;  // a few seconds

// Components of locks, found on a graph of locks and held nodes: a lock leads to the nodes that hold it, a
// node to those on top of it and to the locks waited for under it. So a lock leads to another by way of nodes
// alone exactly where some held path has the first and its thread waits for the second.
class Components {
 public:
  Components(const Model& model, const VertexMap& vertex_of) {
    const auto vertices = vertex_of.size();
    const auto node = [&](HeldId held) { return static_cast<std::size_t>(vertices) + held.value - 1; };
    std::vector<std::size_t> sources, targets;
    const auto add = [&](std::size_t from, std::size_t to) {
      sources.push_back(from);
      targets.push_back(to);
    };
    for (const HeldId held : model.held.ids()) {
      const HeldNode& record = model.held[held];
      add(vertex_of.held(record), node(held));
      if (record.under) add(node(record.under), node(held));
    }
    for (const Dependency& dependency : model.dependencies)
      if (dependency.under && !dependency.orphan) add(node(dependency.under), vertex_of.wanted(dependency));

    const std::size_t size = vertices + model.held.size();
    using Graph = boost::compressed_sparse_row_graph<boost::directedS>;
    const Graph graph(boost::construct_inplace_from_sources_and_targets, sources, targets, size);
    component_.resize(size);
    const auto index = boost::get(boost::vertex_index, graph);
    const std::size_t count =
        boost::strong_components(graph, boost::make_iterator_property_map(component_.begin(), index));
    size_.resize(count);
    for (const std::uint32_t component : component_) ++size_[component];
  }

  std::uint32_t of(Vertex vertex) const { return component_[vertex]; }
  // A lock that is in a cycle shares its component at least with the node that holds it.
  bool has_cycle(std::uint32_t component) const { return size_[component] > 1; }

 private:
  std::vector<std::uint32_t> component_;
  std::vector<std::uint32_t> size_;
};

struct Sighting {
  Vertex from;
  Vertex to;
  Witness witness;
};

// Every order inside a component that has a cycle.
std::vector<Sighting> sightings_in_cycles(const Model& model, const VertexMap& vertex_of,
                                          const Components& components, std::vector<std::string>& bounds) {
  std::vector<Sighting> sightings;
  for (const DependencyId id : model.dependencies.ids()) {
    const Dependency& dependency = model.dependencies[id];
    const Vertex to = vertex_of.wanted(dependency);
    const std::uint32_t component = components.of(to);
    if (!components.has_cycle(component) || !is_wait(model, dependency)) continue;
    for (HeldId held = dependency.under; held; held = model.held[held].under) {
      const Vertex from = vertex_of.held(model.held[held]);
      if (components.of(from) == component) sightings.push_back({from, to, {id, held}});
    }
    if (sightings.size() > kMaxWitnesses) {
      bounds.push_back("only the first " + std::to_string(kMaxWitnesses) +
                       " sightings of orders that may be in cycles were looked at");
      break;
    }
  }
  return sightings;
}

Component to_component(std::span<const Sighting> sightings) {
  Component component;
  component.witnesses.reserve(sightings.size());
  for (const Sighting& sighting : sightings) {
    if (component.edges.empty() || component.edges.back().from != sighting.from ||
        component.edges.back().to != sighting.to) {
      const auto first = static_cast<std::uint32_t>(component.witnesses.size());
      component.edges.push_back({sighting.from, sighting.to, first, 0});
    }
    ++component.edges.back().count;
    component.witnesses.push_back(sighting.witness);
  }
  return component;
}

}  // namespace

VertexMap vertex_per_lock(const Model& model) {
  std::vector<Vertex> by_lock(model.locks.size());
  std::iota(by_lock.begin(), by_lock.end(), Vertex{0});
  return VertexMap(std::move(by_lock));
}

VertexMap::VertexMap(std::vector<Vertex> by_lock,
                     std::map<std::pair<LockId, std::uint8_t>, Vertex> by_subclass)
    : by_lock_(std::move(by_lock)), by_subclass_(std::move(by_subclass)) {
  for (const Vertex vertex : by_lock_) size_ = std::max(size_, vertex + 1);
  for (const auto& [key, vertex] : by_subclass_) size_ = std::max(size_, vertex + 1);
}

Vertex VertexMap::of(LockId lock, std::uint8_t subclass) const {
  if (subclass != 0)
    if (const auto found = by_subclass_.find({lock, subclass}); found != by_subclass_.end())
      return found->second;
  return by_lock_[lock.value - 1];
}

LockGraph build_lock_graph(const Model& model, const VertexMap& vertex_of) {
  LockGraph graph;
  const Components components(model, vertex_of);
  std::vector<Sighting> sightings = sightings_in_cycles(model, vertex_of, components, graph.bounds);

  // Components in the order of their smallest vertex: Boost's own numbering would make reports depend on its
  // search order.
  std::vector<Vertex> smallest;
  for (const Sighting& sighting : sightings) {
    const std::uint32_t component = components.of(sighting.from);
    if (component >= smallest.size()) smallest.resize(component + 1, ~Vertex{0});
    smallest[component] = std::min({smallest[component], sighting.from, sighting.to});
  }
  const auto home = [&](const Sighting& s) { return smallest[components.of(s.from)]; };
  std::ranges::sort(sightings, {}, [&](const Sighting& s) {
    return std::tuple(home(s), s.from, s.to, s.witness.dependency, s.witness.held);
  });
  for (auto begin = sightings.begin(); begin != sightings.end();) {
    const auto end =
        std::find_if(begin, sightings.end(), [&](const Sighting& s) { return home(s) != home(*begin); });
    graph.components.push_back(to_component({begin, end}));
    begin = end;
  }
  return graph;
}

EdgeCount count_edges(const Model& model) {
  std::vector<DependencyId> by_target(model.dependencies.ids().begin(), model.dependencies.ids().end());
  std::ranges::stable_sort(by_target, {}, [&](DependencyId id) { return model.dependencies[id].to; });

  // Marks of the target they were last seen for: a node seen for it before has had everything below it
  // counted too.
  std::vector<LockId> node_seen_for(model.held.size() + 1), lock_seen_for(model.locks.size() + 1);
  EdgeCount result{0, true};
  std::uint64_t steps = 0;
  for (const DependencyId id : by_target) {
    const Dependency& dependency = model.dependencies[id];
    if (dependency.orphan) continue;
    for (HeldId held = dependency.under; held; held = model.held[held].under) {
      if (node_seen_for[held.value] == dependency.to) break;
      node_seen_for[held.value] = dependency.to;
      LockId& seen_for = lock_seen_for[model.held[held].lock.value];
      if (seen_for != dependency.to) ++result.edges;
      seen_for = dependency.to;
      ++steps;
    }
    if (steps > kMaxCountingSteps) return {result.edges, false};
  }
  return result;
}

bool is_wait(const Model& model, const Dependency& dependency) {
  if (dependency.orphan) return false;
  // Whoever acts for the thread does not own what the thread holds, so it waits whatever the kind of lock.
  if (dependency.via_service || dependency.cause == Cause::Fault) return true;
  const Lock& lock = model.locks[dependency.to];
  const bool owner_is_let_through = (lock.kind == LockKind::Mutex && (lock.type == MutexType::Recursive ||
                                                                      lock.type == MutexType::Errorcheck)) ||
                                    lock.kind == LockKind::Rwlock;
  if (!owner_is_let_through) return true;
  for (HeldId held = dependency.under; held; held = model.held[held].under) {
    const HeldNode& node = model.held[held];
    if (node.lock != dependency.to) continue;
    // glibc's rwlock knows its writer and returns EDEADLK; it does not know its readers.
    if (node.mode == Mode::Exclusive || dependency.mode == Mode::SharedRecursive) return false;
  }
  return true;
}

}  // namespace faultline
