#include "deadlocks.h"

#include <algorithm>
#include <set>

namespace faultline {
namespace {

class Teller {
 public:
  Teller(const Model& model, const LockClasses& classes, const FrameNames& names, const Explainer& explainer)
      : model_(model),
        classes_(classes),
        explainer_(explainer),
        rules_(ClassRules::defaults()),
        sites_(model, names, rules_) {}

  Happened tell(const DeadlockRecord& record) {
    Happened happened;
    for (const DeadlockWait& wait : record.waits)
      happened.waits.push_back({wait.thread, wait.to, what(wait), path(wait.under), wait.stack});
    if (record.kind == DeadlockKind::Cycle || record.kind == DeadlockKind::Self) {
      as_cycle(record, happened);
    } else {
      as_set(record, happened);
    }
    happened.why = why(record, happened);
    return happened;
  }

 private:
  // Of a fault; whoever waits for its event to be read has a wait of its own.
  bool is_service(const DeadlockWait& wait) const {
    return wait.to && model_.locks[wait.to].kind == LockKind::Service && !model_.locks[wait.to].events;
  }

  std::vector<LockId> path(HeldId node) const {
    std::vector<LockId> locks;
    for (; node; node = model_.held[node].under) locks.push_back(model_.held[node].lock);
    return locks;
  }

  // What is waited for, by the name of its class; what is no lock, by where it is waited for.
  std::string what(const DeadlockWait& wait) {
    if (wait.joins) return "the end of " + explainer_.thread(wait.joins);
    if (wait.to) return classes_.of(wait.to).name;
    return (wait.what == "thread" ? std::string("the end of a thread") : "a " + wait.what) + " in " +
           sites_.site(wait.stack).name;
  }
  std::string key(const DeadlockWait& wait, Stability& stability) {
    if (wait.to) return classes_.of(wait.to).key;
    const Place& site = sites_.site(wait.stack);
    stability = std::min(stability, site.stability);
    return wait.what + " in " + site.key;
  }

  // A place for each thread, but none for one that waits for the service of its fault: its server stands for
  // both.
  void as_cycle(const DeadlockRecord& record, Happened& happened) {
    const std::size_t size = record.waits.size();
    for (std::size_t i = 0; i < size; ++i) {
      const DeadlockWait& wait = record.waits[i];
      if (is_service(wait)) continue;
      const DeadlockWait* behind = &record.waits[(i + size - 1) % size];
      const DeadlockWait* client = nullptr;
      if (is_service(*behind)) {
        client = behind;
        behind = &record.waits[(i + 2 * size - 2) % size];
      }
      happened.keys.push_back(key(*behind, happened.stability));
      if (behind->to) happened.locks.push_back(behind->to);
      if (const auto witness = find_witness(wait, client, behind->to)) happened.witnesses.push_back(*witness);
    }
    if (happened.witnesses.size() != happened.keys.size()) happened.witnesses.clear();
    happened.verdict = Verdict::Observed;
    if (!happened.locks.empty() && happened.locks.size() == happened.keys.size()) {
      happened.like = happened.keys.size() == 1 ? Kind::SelfLock : Kind::LockOrder;
    } else {
      happened.witnesses.clear();
      as_set(record, happened);
    }
  }

  // The dependency that `wait` was recorded as: of its thread, or, for a server, of its client on whose
  // behalf it waits; holding `held`. One at the same place is better than another.
  std::optional<Witness> find_witness(const DeadlockWait& wait, const DeadlockWait* client,
                                      LockId held) const {
    std::optional<Witness> found;
    for (const DependencyId id : model_.dependencies.ids()) {
      const Dependency& dependency = model_.dependencies[id];
      if (dependency.to != wait.to || dependency.thread != (client ? client->thread : wait.thread) ||
          (client && dependency.via_thread != wait.thread))
        continue;
      for (HeldId node = dependency.under; node; node = model_.held[node].under) {
        if (model_.held[node].lock != held) continue;
        if (!found || dependency.stack == wait.stack) found = Witness{id, node};
        break;
      }
    }
    return found;
  }

  void as_set(const DeadlockRecord& record, Happened& happened) {
    std::set<std::string> keys;
    std::set<std::string> names;
    std::set<LockId> locks;
    for (const DeadlockWait& wait : record.waits) {
      keys.insert(key(wait, happened.stability));
      names.insert(wait.to ? classes_.of(wait.to).name : wait.what + " in " + sites_.site(wait.stack).name);
      if (wait.to) locks.insert(wait.to);
    }
    happened.keys.assign(keys.begin(), keys.end());
    happened.keys.emplace_back(spelling(record.kind));
    happened.locks.assign(locks.begin(), locks.end());
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    happened.title = record.kind == DeadlockKind::HolderExited ? list + " left locked"
                     : record.kind == DeadlockKind::Stall      ? "all wait: " + list
                                                               : "wait for each other: " + list;
  }

  std::string why(const DeadlockRecord& record, const Happened& happened) const {
    std::string sentence = "it happened: ";
    if (record.kind == DeadlockKind::Stall)
      sentence +=
          "every thread of the process waits, and no thread, signal handler or timer is left to wake one; ";
    for (std::size_t i = 0; i < happened.waits.size(); ++i) {
      const FindingWait& wait = happened.waits[i];
      const bool by_fault = record.waits[i].cause == Cause::Fault;
      sentence += (i == 0 ? "" : "; ") + explainer_.thread(wait.thread) + " waits " +
                  (by_fault ? "in a page fault for " : "for ") + wait.what;
      // Whose end a joiner waits for is told already.
      if (record.kind == DeadlockKind::Cycle && !record.waits[i].joins)
        sentence += (by_fault ? ", served by " : ", held by ") +
                    explainer_.thread(happened.waits[(i + 1) % happened.waits.size()].thread);
    }
    if (record.kind == DeadlockKind::Self) sentence += ", which it holds itself";
    if (record.kind == DeadlockKind::HolderExited)
      sentence += ", whose holder" + (record.gone ? ", thread " + std::to_string(record.gone) + "," : "") +
                  " has ended without releasing it";
    if (record.others > 0) sentence += "; and " + std::to_string(record.others) + " more threads";
    return sentence;
  }

  const Model& model_;
  const LockClasses& classes_;
  const Explainer& explainer_;
  const ClassRules rules_;
  Places sites_;
};

}  // namespace

std::vector<Happened> deadlocks_that_happened(const Model& model, const LockClasses& classes,
                                              const FrameNames& names, const Explainer& explainer) {
  std::vector<Happened> all;
  Teller teller(model, classes, names, explainer);
  // A lock that fork left locked is a finding of its own, which says more.
  const auto is_orphans = [&](const DeadlockRecord& record) {
    return record.kind == DeadlockKind::HolderExited &&
           std::ranges::any_of(model.orphans, [&](const Orphan& orphan) {
             const Dependency& wait = model.dependencies[orphan.wait];
             return wait.thread == record.waits.front().thread && wait.to == record.waits.front().to;
           });
  };
  for (const DeadlockRecord& record : model.deadlocks)
    if (!is_orphans(record)) all.push_back(teller.tell(record));
  return all;
}

}  // namespace faultline
