#include "thread_ends.h"

#include <map>
#include <utility>
#include <vector>

namespace faultline {
namespace {

class ThreadEnds {
 public:
  explicit ThreadEnds(Model& model) : model_(model) {}

  void hold() {
    find_waited_for();
    if (bottoms_.empty()) return;
    for (const DependencyId id : model_.dependencies.ids()) {
      Dependency& dependency = model_.dependencies[id];
      if (bottoms_.contains(dependency.thread))
        dependency.under = on_bottom(dependency.thread, dependency.under);
    }
  }

 private:
  // Gives a bottom to each thread whose end is waited for under a lock, and then to those whose ends these
  // threads wait for themselves.
  void find_waited_for() {
    std::map<ThreadId, std::vector<LockId>> waits_of;
    std::vector<LockId> pending;
    for (const Dependency& dependency : model_.dependencies) {
      if (model_.locks[dependency.to].kind != LockKind::Thread) continue;
      waits_of[dependency.thread].push_back(dependency.to);
      if (dependency.under) pending.push_back(dependency.to);
    }
    while (!pending.empty()) {
      const LockId end = pending.back();
      pending.pop_back();
      const ThreadId thread = model_.locks[end].thread;
      const auto [entry, is_new] = bottoms_.try_emplace(thread);
      if (!is_new) continue;
      entry->second = model_.held.add({.under = {}, .lock = end, .mode = Mode::Exclusive, .stack = {}});
      if (const auto waits = waits_of.find(thread); waits != waits_of.end())
        pending.insert(pending.end(), waits->second.begin(), waits->second.end());
    }
  }

  // The path `node` with the thread's end below it. Paths are shared by threads, so each gets its own.
  HeldId on_bottom(ThreadId thread, HeldId node) {
    std::vector<HeldId> path;
    HeldId below = bottoms_.at(thread);
    for (; node; node = model_.held[node].under) {
      if (const auto moved = moved_.find({thread, node}); moved != moved_.end()) {
        below = moved->second;
        break;
      }
      path.push_back(node);
    }
    while (!path.empty()) {
      HeldNode copy = model_.held[path.back()];
      copy.under = below;
      below = model_.held.add(copy);
      moved_.emplace(std::pair(thread, path.back()), below);
      path.pop_back();
    }
    return below;
  }

  Model& model_;
  std::map<ThreadId, HeldId> bottoms_;  // of the threads whose ends are waited for
  std::map<std::pair<ThreadId, HeldId>, HeldId> moved_;
};

}  // namespace

void hold_thread_ends(Model& model) {
  ThreadEnds(model).hold();
}

}  // namespace faultline
