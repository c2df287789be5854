#include "assertions.h"

#include <algorithm>
#include <map>
#include <set>

#include "fingerprints.h"
#include "state_sites.h"

namespace faultline {
namespace {

class Assertions {
 public:
  Assertions(const Model& model, const LockClasses& classes, const FrameNames& names)
      : model_(model), sites_(model, classes, names) {}

  std::vector<Finding> all() {
    for (const AssertionRecord& failed : model_.assertions) add(failed);
    std::vector<Finding> findings;
    for (auto& [fingerprint, found] : found_) {
      found.finding.instances = static_cast<std::uint32_t>(found.objects.size());
      findings.push_back(std::move(found.finding));
    }
    return findings;
  }

 private:
  using Object = std::pair<ProcessId, std::uint64_t>;
  struct Found {
    Finding finding;
    std::set<Object> objects;
  };

  void add(const AssertionRecord& failed) {
    Finding finding = draft(failed);
    const Object object{model_.threads[failed.thread].process, failed.address};
    Found& found = found_[finding.fingerprint];
    found.objects.insert(object);
    // The failure that tells most is shown: one with a revoker.
    if (found.finding.title.empty() || found.finding.sites.size() < finding.sites.size())
      found.finding = std::move(finding);
  }

  Finding draft(const AssertionRecord& failed) {
    const Place& place = sites_.place(failed.stack);
    Finding finding;
    finding.kind = Kind::Assertion;
    finding.severity = Severity::Error;
    finding.stability = place.stability;
    finding.sites.push_back({.action = failed.claim == Claim::Fault ? Action::Fault : Action::Assert,
                             .thread = failed.thread,
                             .clients = failed.clients,
                             .holds = sites_.path(failed.under),
                             .at = failed.stack,
                             .fault = {}});
    std::string about = failed.token;
    switch (failed.claim) {
      case Claim::Held:
      case Claim::NotHeld:
        about = describe_lock(failed, place.name, finding);
        break;
      case Claim::Token:
        describe_token(failed, place.name, finding);
        break;
      case Claim::Fault:
        describe_fault(failed, place.name, finding);
        break;
    }
    const std::string_view keys[] = {spelling(failed.claim), about, place.key};
    finding.fingerprint = fingerprint_of(Kind::Assertion, keys);
    sites_.name_locks(finding);
    return finding;
  }

  std::string holding(const AssertionRecord& failed) const {
    const std::vector<HeldId> holds = sites_.path(failed.under);
    return sites_.thread(failed.thread) + ", holding " + sites_.held_names(holds) + ",";
  }

  // Returns what the fingerprint is to say of the lock.
  std::string describe_lock(const AssertionRecord& failed, const std::string& where, Finding& finding) {
    std::string name = "a lock that was never taken";
    std::string key = "?";
    if (failed.lock) {
      const LockClass& lock_class = sites_.lock_class(failed.lock);
      name = lock_class.name;
      key = lock_class.key;
      finding.stability = std::min(finding.stability, lock_class.stability);
      finding.locks.push_back({failed.lock, name});
    }
    if (failed.claim == Claim::NotHeld) {
      finding.title = name + " held at " + where;
      finding.why = holding(failed) + " must not hold " + name + " in " + where;
      return key;
    }
    const bool reads = std::ranges::any_of(
        sites_.path(failed.under), [&](HeldId held) { return model_.held[held].lock == failed.lock; });
    finding.title = name + (reads ? " held only to read at " : " not held at ") + where;
    finding.why =
        holding(failed) + " must hold " + name + (failed.exclusively ? " exclusively" : "") + " in " + where;
    return key;
  }

  void describe_token(const AssertionRecord& failed, const std::string& where, Finding& finding) {
    const auto add_site = [&](Action action, const std::optional<TokenTime>& time) {
      if (!time) return;
      finding.sites.push_back({.action = action,
                               .thread = time->thread,
                               .clients = {},
                               .holds = {},
                               .knows_holds = false,
                               .at = time->stack,
                               .fault = {}});
    };
    add_site(Action::Give, failed.given);
    add_site(Action::Revoke, failed.revoked);
    const std::string needs = " needs \"" + failed.token + "\"" + (failed.take ? ", to use it up," : "") +
                              " in " + where + ", but it was ";
    if (failed.revoked) {
      finding.title = failed.token + ": revoked before " + where;
      finding.why = sites_.thread(failed.thread) + needs + "revoked in " +
                    sites_.place(failed.revoked->stack).name + ", and not given again";
    } else {
      finding.title = failed.token + ": not given at " + where;
      finding.why = sites_.thread(failed.thread) + needs + "never given";
    }
  }

  void describe_fault(const AssertionRecord& failed, const std::string& where, Finding& finding) {
    const bool exact = failed.fault.stack_is_registers;
    finding.title = std::string("page fault with faults disabled ") + (exact ? "in " : "after ") + where;
    finding.why = holding(failed) + " waits for the service of a page fault, where it had ruled faults out";
    finding.sites.front().fault = failed.fault;
    if (exact)
      finding.sites.push_back({.action = Action::Disable,
                               .thread = failed.thread,
                               .clients = {},
                               .holds = {},
                               .knows_holds = false,
                               .at = failed.disabled,
                               .fault = {}});
  }

  const Model& model_;
  StateSites sites_;
  std::map<std::string, Found> found_;  // by fingerprint
};

}  // namespace

std::vector<Finding> failed_assertions(const Model& model, const LockClasses& classes,
                                       const FrameNames& names) {
  return Assertions(model, classes, names).all();
}

}  // namespace faultline
