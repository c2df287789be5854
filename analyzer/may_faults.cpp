#include "may_faults.h"

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace faultline {
namespace {

using Page = std::pair<LockId, std::uint64_t>;  // of which service, number

Page page_of(const Model& model, DependencyId id, LockId service, std::uint64_t address) {
  constexpr std::uint64_t kUsualSize = 4096;
  const std::uint64_t size = model.processes[model.process_of(id)].header.page_size;
  return {service, address / (size != 0 ? size : kUsualSize)};
}

// The service at the bottom of what a server holds; none where it is something else.
LockId service_below(const Model& model, const Dependency& wait) {
  LockId bottom;
  for (HeldId held = wait.under; held; held = model.held[held].under) bottom = model.held[held].lock;
  return bottom && model.locks[bottom].kind == LockKind::Service ? bottom : LockId{};
}

// Pairs of a possible fault and a lock that a server took for its page, looked at at most: what one hot page
// of a long run has of both would fill the memory, and keep the search for cycles busy.
constexpr std::size_t kMostPairs = 100'000;

// Paths of clients with what a server holds above its service on top; each made once.
class Stacked {
 public:
  explicit Stacked(Model& model) : model_(model) {}

  HeldId operator()(HeldId client, HeldId server) {
    const auto [entry, is_new] = made_.try_emplace({client, server});
    if (!is_new) return entry->second;
    std::vector<HeldId> own;
    for (; model_.held[server].under; server = model_.held[server].under) own.push_back(server);
    for (; !own.empty(); own.pop_back()) {
      HeldNode copy = model_.held[own.back()];
      copy.under = client;
      client = model_.held.add(copy);
    }
    return entry->second = client;
  }

 private:
  Model& model_;
  std::map<std::pair<HeldId, HeldId>, HeldId> made_;
};

// What a thread, holding at least the path of a node, has its server take: seen as it happened.
using Seen = std::set<std::tuple<ThreadId, HeldId, LockId, Mode>>;

Seen waits_seen(const Model& model) {
  Seen seen;
  for (const Dependency& wait : model.dependencies) {
    if (!wait.via_service || !wait.observed) continue;
    for (HeldId held = wait.under; held; held = model.held[held].under)
      seen.insert({wait.thread, held, wait.to, wait.mode});
  }
  return seen;
}

}  // namespace

void serve_may_faults(Model& model) {
  std::multimap<Page, DependencyId> served;
  for (const DependencyId id : model.dependencies.ids()) {
    const Dependency& wait = model.dependencies[id];
    // The declared mmap_lock is the fault's own wait, which the trace has.
    if (wait.serves == 0 || model.locks[wait.to].is_mmap_lock) continue;
    if (const LockId service = service_below(model, wait))
      served.emplace(page_of(model, id, service, wait.serves), id);
  }
  if (served.empty()) return;

  const Seen seen = waits_seen(model);
  Stacked stacked(model);
  std::size_t pairs = 0;
  std::vector<Dependency> added;
  for (const DependencyId id : model.dependencies.ids()) {
    const Dependency may = model.dependencies[id];
    if (may.observed || may.cause != Cause::Fault || may.fault.origin == Origin::Event ||
        model.locks[may.to].kind != LockKind::Service)
      continue;
    const auto [first, last] = served.equal_range(page_of(model, id, may.to, may.fault.address));
    for (auto each = first; each != last && pairs < kMostPairs; ++each, ++pairs) {
      const Dependency& taken = model.dependencies[each->second];
      if (taken.thread == may.thread || seen.contains({may.thread, may.under, taken.to, taken.mode}))
        continue;
      Dependency wait = taken;
      wait.thread = may.thread;
      wait.epoch = may.epoch;
      wait.under = stacked(may.under, taken.under);
      wait.cause = Cause::Service;
      wait.observed = false;
      wait.open = may.open;
      wait.via_service = may.to;
      wait.via_thread = taken.thread;
      wait.serves = 0;
      added.push_back(wait);
    }
  }
  for (Dependency& wait : added) model.dependencies.add(std::move(wait));
  if (pairs < kMostPairs) return;
  model.warnings.push_back("of page faults that might happen, " + std::to_string(kMostPairs) +
                           " were looked at together with what their server locks, and others not");
  model.gaps.push_back(model.warnings.back());
}

}  // namespace faultline
