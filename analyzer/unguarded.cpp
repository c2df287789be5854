#include "unguarded.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "fingerprints.h"
#include "happens_before.h"
#include "held_sets.h"
#include "state_sites.h"

namespace faultline {
namespace {

constexpr std::uint64_t kMostPairs = 20'000'000;  // of the whole model: a few seconds

bool contains(const std::vector<ThreadId>& threads, ThreadId thread) {
  return std::ranges::find(threads, thread) != threads.end();
}

class Search {
 public:
  Search(const Model& model, const LockClasses& classes, const FrameNames& names)
      : model_(model), sites_(model, classes, names), happens_before_(model), held_sets_(model) {}

  std::vector<Finding> run(std::vector<std::string>& bounds) {
    std::vector<std::vector<const AccessRecord*>> by_state(model_.states.size());
    for (const AccessRecord& access : model_.accesses) by_state[access.state.value - 1].push_back(&access);
    for (const auto& accesses : by_state)
      if (!accesses.empty()) look_at(accesses);
    if (pairs_ > kMostPairs)
      bounds.push_back("of guarded state, " + std::to_string(kMostPairs) +
                       " pairs of accesses were looked at and others not");
    std::vector<Finding> findings;
    for (auto& [fingerprint, finding] : found_) findings.push_back(std::move(finding));
    return findings;
  }

 private:
  using Accesses = std::vector<const AccessRecord*>;

  void look_at(const Accesses& accesses) {
    const auto writes = [](const AccessRecord* access) { return access->writes; };
    if (std::ranges::none_of(accesses, writes) || have_common_guard(accesses)) return;
    std::set<std::string> seen;  // fingerprints already found on this piece of state
    for (std::size_t i = 0; i < accesses.size(); ++i) {
      // An access that any thread may make can meet itself.
      const bool by_any = accesses[i]->open == Open::Threads;
      for (std::size_t j = by_any ? i : i + 1; j < accesses.size(); ++j) {
        if (++pairs_ > kMostPairs) return;
        if (are_exclusive(*accesses[i], *accesses[j])) continue;
        report(*accesses[i], *accesses[j], seen);
      }
    }
  }

  // Eraser's intersection: a lock that every access holds, every write exclusively.
  bool have_common_guard(const Accesses& accesses) {
    std::vector<LockId> common;
    bool first = true;
    for (const AccessRecord* access : accesses) {
      std::vector<LockId> holds;
      for (HeldId held = access->under; held; held = model_.held[held].under) {
        const bool exclusive = model_.held[held].mode == Mode::Exclusive;
        if (counts(model_.held[held].lock) && (exclusive || !access->writes))
          holds.push_back(model_.held[held].lock);
      }
      std::ranges::sort(holds);
      holds.erase(std::unique(holds.begin(), holds.end()), holds.end());
      std::vector<LockId> both;
      std::ranges::set_intersection(common, holds, std::back_inserter(both));
      common = first ? std::move(holds) : std::move(both);
      first = false;
      if (common.empty()) return false;
    }
    return true;
  }

  // The service of page faults serves many at once, and a thread's end is nobody else's.
  bool counts(LockId lock) const {
    const LockKind kind = model_.locks[lock].kind;
    return kind != LockKind::Service && kind != LockKind::Thread;
  }

  bool are_exclusive(const AccessRecord& a, const AccessRecord& b) {
    if (!a.writes && !b.writes) return true;
    if (a.thread == b.thread && a.open != Open::Threads && b.open != Open::Threads) return true;
    if (contains(a.clients, b.thread) || contains(b.clients, a.thread)) return true;
    if (std::ranges::any_of(a.clients, [&](ThreadId client) { return contains(b.clients, client); }))
      return true;
    if (held_sets_.gate(a.under, b.under) || have_common_summary(a.under, b.under)) return true;
    const std::array stretches{stretch_of(a), stretch_of(b)};
    return !happens_before_.could_overlap(stretches);
  }

  bool have_common_summary(HeldId a, HeldId b) const {
    for (HeldId x = a; x; x = model_.held[x].under) {
      const HeldNode& held = model_.held[x];
      if (!model_.locks[held.lock].summary) continue;
      for (HeldId y = b; y; y = model_.held[y].under)
        if (model_.held[y].lock == held.lock &&
            (held.mode == Mode::Exclusive || model_.held[y].mode == Mode::Exclusive))
          return true;
    }
    return false;
  }

  // A lock that both hold, to read.
  LockId read_by_both(HeldId a, HeldId b) const {
    for (HeldId x = a; x; x = model_.held[x].under)
      for (HeldId y = b; y; y = model_.held[y].under)
        if (model_.held[x].lock == model_.held[y].lock && counts(model_.held[x].lock))
          return model_.held[x].lock;
    return {};
  }

  void report(const AccessRecord& a, const AccessRecord& b, std::set<std::string>& seen) {
    // The writer first; then by place, the same way on every run.
    const auto rank = [&](const AccessRecord& access) {
      return std::tuple(!access.writes, sites_.place(access.stack).key);
    };
    const bool in_order = rank(a) <= rank(b);
    const AccessRecord& first = in_order ? a : b;
    const AccessRecord& second = in_order ? b : a;
    const Place& first_place = sites_.place(first.stack);
    const Place& second_place = sites_.place(second.stack);
    const std::string& name = model_.states[first.state].name;
    const std::string_view keys[] = {name, "write", first_place.key, second.writes ? "write" : "read",
                                     second_place.key};
    const std::string fingerprint = fingerprint_of(Kind::Unguarded, keys);
    if (!seen.insert(fingerprint).second) return;
    const auto [entry, is_new] = found_.try_emplace(fingerprint);
    Finding& finding = entry->second;
    if (!is_new) {
      ++finding.instances;
      return;
    }
    finding.kind = Kind::Unguarded;
    finding.severity = Severity::Error;
    finding.fingerprint = fingerprint;
    finding.stability = std::min(first_place.stability, second_place.stability);
    finding.title = name + ": " + title(first_place, second_place, second.writes);
    finding.sites = {site_of(first), site_of(second)};
    finding.why = why(first, second, finding);
    sites_.name_locks(finding);
  }

  // The first of the two writes.
  static std::string title(const Place& first, const Place& second, bool second_writes) {
    if (!second_writes) return first.name + " writes, " + second.name + " reads";
    if (first.key == second.key) return first.name + " writes, in two threads";
    return first.name + " and " + second.name + " write";
  }

  FindingSite site_of(const AccessRecord& access) const {
    return {.action = access.writes ? Action::Write : Action::Read,
            .thread = access.open == Open::Threads ? ThreadId{} : access.thread,
            .clients = access.clients,
            .holds = sites_.path(access.under),
            .at = access.stack,
            .fault = {}};
  }

  std::string why(const AccessRecord& first, const AccessRecord& second, const Finding& finding) const {
    const auto describe = [&](const FindingSite& site) {
      return sites_.thread(site.thread) + (site.action == Action::Write ? " writes" : " reads") +
             " it holding " + sites_.held_names(site.holds);
    };
    std::string sentence = describe(finding.sites[0]) + ", " + describe(finding.sites[1]) +
                           ": no lock keeps the one out while the other is at it";
    if (const LockId lock = read_by_both(first.under, second.under))
      sentence += "; both hold " + sites_.lock_class(lock).name + ", but only to read";
    return sentence;
  }

  const Model& model_;
  StateSites sites_;
  HappensBefore happens_before_;
  HeldSets held_sets_;
  std::map<std::string, Finding> found_;  // by fingerprint
  std::uint64_t pairs_ = 0;
};

}  // namespace

std::vector<Finding> unguarded_state(const Model& model, const LockClasses& classes, const FrameNames& names,
                                     std::vector<std::string>& bounds) {
  if (model.accesses.empty()) return {};
  return Search(model, classes, names).run(bounds);
}

}  // namespace faultline
