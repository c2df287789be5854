#include "happens_before.h"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/strong_components.hpp>

namespace faultline {
namespace {

// Clocks kept at most, in entries: about 100 MB. Beyond it they are made anew when asked for again.
constexpr std::size_t kMaxClockEntries = 4'000'000;

Stretch stretch(ThreadId thread, std::uint32_t epoch, Open open) {
  switch (open) {
    case Open::No:
      break;
    case Open::Epochs:
      return {thread, epoch, kLastEpoch};
    case Open::Threads:
      return {};
  }
  return {thread, epoch, epoch};
}

}  // namespace

Stretch stretch_of(const Dependency& dependency) {
  return stretch(dependency.thread, dependency.epoch, dependency.open);
}

Stretch stretch_of(const AccessRecord& access) {
  return stretch(access.thread, access.epoch, access.open);
}

HappensBefore::HappensBefore(const Model& model) : model_(model), joins_(model.threads.size() + 1) {
  for (const JoinRecord& join : model.joins) joins_[join.thread.value].push_back(join);
  for (auto& joins : joins_) std::ranges::stable_sort(joins, {}, &JoinRecord::epoch);
  leave_out_impossible_joins();
}

void HappensBefore::leave_out_impossible_joins() {
  // A vertex for the birth of each thread and one for each of its joins, with an edge to what comes after it.
  std::vector<std::size_t> birth(joins_.size() + 1);
  for (std::size_t thread = 0; thread < joins_.size(); ++thread)
    birth[thread + 1] = birth[thread] + 1 + joins_[thread].size();
  std::vector<std::size_t> sources, targets;
  const auto add = [&](std::size_t from, std::size_t to) {
    sources.push_back(from);
    targets.push_back(to);
  };
  for (const ThreadId thread : model_.threads.ids()) {
    const auto& joins = joins_[thread.value];
    for (std::size_t i = 0; i < joins.size(); ++i) {
      add(birth[thread.value] + i, birth[thread.value] + i + 1);
      add(birth[joins[i].joined.value + 1] - 1, birth[thread.value] + i + 1);
    }
    const Thread& record = model_.threads[thread];
    if (!record.parent) continue;
    const auto& of_parent = joins_[record.parent.value];
    const auto before = std::ranges::lower_bound(of_parent, record.parent_epoch, {}, &JoinRecord::epoch);
    add(birth[record.parent.value] + static_cast<std::size_t>(before - of_parent.begin()),
        birth[thread.value]);
  }
  const boost::compressed_sparse_row_graph<boost::directedS> graph(
      boost::construct_inplace_from_sources_and_targets, sources, targets, birth.back());
  std::vector<std::uint32_t> component(birth.back());
  boost::strong_components(
      graph, boost::make_iterator_property_map(component.begin(), boost::get(boost::vertex_index, graph)));

  // Every contradiction goes through a join: a thread's parent is always defined before it.
  for (std::size_t thread = 0; thread < joins_.size(); ++thread) {
    std::size_t vertex = birth[thread];
    impossible_joins_ += std::erase_if(joins_[thread], [&](const JoinRecord& join) {
      return component[birth[join.joined.value + 1] - 1] == component[++vertex];
    });
  }
}

const HappensBefore::Clock& HappensBefore::clock_at(ThreadId thread, std::uint32_t epoch) {
  const std::uint64_t key = std::uint64_t{thread.value} << 32 | epoch;
  if (const auto found = clocks_.find(key); found != clocks_.end()) return found->second;

  // Backwards from (thread, epoch): whatever it is, its thread's birth and the joins before it came earlier,
  // and so on. Each thread is entered again only where more of it turns out to have happened before, so each
  // create and join is followed once.
  struct Reached {
    ThreadId thread;
    std::uint32_t epoch;  // it happened before, up to and including this epoch
  };
  struct Done {
    std::uint32_t epoch = 0;
    std::size_t joins = 0;  // of its joins, those followed
  };
  std::unordered_map<std::uint32_t, Done> done;
  std::vector<Reached> pending{{thread, epoch}};
  while (!pending.empty()) {
    const Reached reached = pending.back();
    pending.pop_back();
    Done& state = done[reached.thread.value];
    if (state.epoch >= reached.epoch) continue;
    if (state.epoch == 0) {
      const Thread& record = model_.threads[reached.thread];
      if (record.parent && record.parent_epoch > 0) pending.push_back({record.parent, record.parent_epoch});
    }
    state.epoch = reached.epoch;
    const auto& joins = joins_[reached.thread.value];
    for (; state.joins < joins.size() && joins[state.joins].epoch < reached.epoch; ++state.joins)
      pending.push_back({joins[state.joins].joined, kLastEpoch});
  }

  Clock clock;
  for (const auto& [other, state] : done)
    if (other != thread.value) clock.emplace(other, state.epoch);
  clock_entries_made_ += clock.size();
  if (clock_entries_ += clock.size(); clock_entries_ > kMaxClockEntries) {
    clocks_.clear();
    clock_entries_ = clock.size();
  }
  return clocks_.emplace(key, std::move(clock)).first->second;
}

std::uint32_t HappensBefore::known(ThreadId other, ThreadId thread, std::uint32_t epoch) {
  const Clock& clock = clock_at(thread, epoch);
  const auto found = clock.find(other.value);
  return found == clock.end() ? 0 : found->second;
}

bool HappensBefore::may_meet(ThreadId a, ThreadId b) const {
  const ProcessId of_a = model_.threads[a].process;
  const ProcessId of_b = model_.threads[b].process;
  return of_a == of_b || model_.processes[of_a].may_meet(model_.processes[of_b]);
}

bool HappensBefore::could_overlap(std::span<const Stretch> stretches) {
  // Looks for one epoch of each stretch such that none happens before another. An epoch that happens before
  // the current one of another stretch happens before all later ones of it too, so it can be given up for
  // good: a single sweep forward decides.
  std::vector<std::uint32_t> at;
  for (const Stretch& stretch : stretches) at.push_back(stretch.first);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < stretches.size(); ++i) {
      for (std::size_t j = 0; j < stretches.size(); ++j) {
        const Stretch& early = stretches[i];
        const Stretch& late = stretches[j];
        if (!early.thread || !late.thread || early.thread == late.thread) continue;
        if (!may_meet(early.thread, late.thread)) return false;
        const std::uint32_t before = known(early.thread, late.thread, at[j]);
        if (before < at[i]) continue;
        if (before >= early.last) return false;
        at[i] = before + 1;
        moved = true;
      }
    }
  }
  return true;
}

HappensBefore::Order HappensBefore::order(const Stretch& earlier, const Stretch& later) {
  if (!earlier.thread || !later.thread || earlier.thread == later.thread) return Order::None;
  if (!may_meet(earlier.thread, later.thread)) {
    const auto process = [&](const Stretch& of) {
      return model_.processes[model_.threads[of.thread].process];
    };
    return process(earlier).end < process(later).header.started ? Order::Process : Order::None;
  }
  const std::uint32_t before = known(earlier.thread, later.thread, later.first);
  if (before < earlier.last) return Order::None;
  return before == kLastEpoch ? Order::Join : Order::Create;
}

}  // namespace faultline
