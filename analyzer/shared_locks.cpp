#include "shared_locks.h"

#include <map>
#include <tuple>

namespace faultline {
namespace {

// What is the same for one lock in all processes, beside the boot.
using SharedKey = std::tuple<LockKind, std::uint64_t, std::uint64_t, bool, std::uint64_t, bool, bool>;

bool is_shared(const Lock& lock) {
  if (lock.summary) return false;
  switch (lock.kind) {
    case LockKind::Service:
      return lock.inode != 0 || lock.device != 0;
    case LockKind::File:
      return lock.inode != 0;
    default:
      return lock.shared && lock.inode != 0;
  }
}

SharedKey key_of(const Lock& lock) {
  return {lock.kind, lock.device, lock.inode, lock.has_offset, lock.offset, lock.of_process, lock.events};
}

// A process without a recorded end was over when its id was another's (it may have become that by exec), and
// by the last sign of life of its run.
void bound_lives(Model& model) {
  std::map<std::pair<std::string, std::uint32_t>, std::vector<ProcessId>> by_pid;
  std::map<std::string, std::uint64_t> last_sign;
  for (const ProcessId id : model.processes.ids()) {
    const Process& process = model.processes[id];
    by_pid[{process.header.boot, process.header.pid}].push_back(id);
    std::uint64_t& sign = last_sign[process.header.run];
    sign = std::max(sign, process.end == Process::kNotKnown ? process.header.started : process.end);
  }
  for (auto& [pid, ids] : by_pid) {
    std::ranges::sort(ids, {}, [&](ProcessId id) { return model.processes[id].header.started; });
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      Process& process = model.processes[ids[i]];
      const std::uint64_t next = model.processes[ids[i + 1]].header.started;
      // Of another namespace, a process of the same id may live at the same time: a recorded end is true.
      if (process.end == Process::kNotKnown && next > process.header.started) process.end = next - 1;
    }
  }
  for (const ProcessId id : model.processes.ids()) {
    Process& process = model.processes[id];
    if (process.end == Process::kNotKnown && !process.header.run.empty())
      process.end = last_sign[process.header.run];
  }
}

// Which lock stands for each lock that is joined to another.
class Joined {
 public:
  explicit Joined(Model& model) : model_(model) {
    std::map<std::pair<std::string, SharedKey>, std::vector<LockId>> same;
    for (const LockId id : model.locks.ids()) {
      const Lock& lock = model.locks[id];
      const std::string& boot = model.processes[lock.process].header.boot;
      if (is_shared(lock) && !boot.empty()) same[{boot, key_of(lock)}].push_back(id);
    }
    for (auto& [key, locks] : same) join(locks);
  }

  bool any() const { return !first_.empty(); }
  void move(LockId& lock) const {
    if (const auto found = first_.find(lock); found != first_.end()) lock = found->second;
  }

 private:
  const Process& process(LockId lock) const { return model_.processes[model_.locks[lock].process]; }

  void join(std::vector<LockId>& locks) {
    std::ranges::stable_sort(locks, {}, [&](LockId lock) { return process(lock).header.started; });
    LockId first;
    std::uint64_t until = 0;
    for (const LockId lock : locks) {
      const Process& its = process(lock);
      if (first && its.header.started <= until) {
        first_[lock] = first;
        take_over(model_.locks[first], model_.locks[lock]);
      } else {
        first = lock;
        until = 0;
      }
      until = std::max(until, its.end);
    }
  }

  static void take_over(Lock& to, const Lock& from) {
    if (to.name.empty()) to.name = from.name;
    if (to.class_name.empty()) to.class_name = from.class_name;
    if (!to.init) to.init = from.init;
    to.is_mmap_lock |= from.is_mmap_lock;
  }

  Model& model_;
  std::map<LockId, LockId> first_;
};

}  // namespace

void join_shared_locks(Model& model) {
  if (model.processes.size() < 2) return;
  bound_lives(model);
  const Joined joined(model);
  if (!joined.any()) return;
  for (const HeldId id : model.held.ids()) joined.move(model.held[id].lock);
  for (const DependencyId id : model.dependencies.ids()) {
    Dependency& dependency = model.dependencies[id];
    joined.move(dependency.to);
    joined.move(dependency.via_service);
    joined.move(dependency.fault.service);
  }
  for (RangeRecord& range : model.ranges) joined.move(range.service);
  for (DeadlockRecord& deadlock : model.deadlocks)
    for (DeadlockWait& wait : deadlock.waits) joined.move(wait.to);
}

}  // namespace faultline
