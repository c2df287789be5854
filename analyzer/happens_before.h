// What creating and joining threads says about time: which stretches of which threads can never overlap.
//
// A thread's life is a row of epochs (docs/trace-format.md). The order is the one create and join enforce in
// every run, not the one this run happened to take, so "ordered" here is a proof and "not ordered" is not.
// Of two processes only their whole lives are
// compared. Joins that contradict each other (two threads, each of which ended before the other went on)
// prove nothing: they are left out and counted.
//
// Vector clocks are made when first asked for and kept sparse: a program of ten thousand threads of which
// three take part in cycles costs three clocks. Not for use by several threads at once.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "model.h"

namespace faultline {

inline constexpr std::uint32_t kLastEpoch = std::numeric_limits<std::uint32_t>::max();

// Epochs `first` to `last` of one thread, in any of which something may happen. No thread: any thread at any
// time, ordered with nothing.
struct Stretch {
  ThreadId thread;
  std::uint32_t first = 1;
  std::uint32_t last = 1;

  friend constexpr auto operator<=>(const Stretch&, const Stretch&) = default;
};

// When `dependency` may happen, what it leaves open included.
Stretch stretch_of(const Dependency& dependency);
Stretch stretch_of(const AccessRecord& access);

class HappensBefore {
 public:
  explicit HappensBefore(const Model& model);

  // Whether one moment can lie in all these stretches. Two of one thread do not exclude each other here:
  // whether that thread can do both is another question. Cost: the clocks needed, then a few look-ups per
  // pair and epoch.
  bool could_overlap(std::span<const Stretch> stretches);

  // How the end of `earlier` was made known to `later`, where all of `earlier` happens before all of `later`.
  enum class Order : std::uint8_t {
    None,
    Join,     // `earlier`'s thread had been joined, by whomever, before `later`
    Create,   // `later`'s thread, or one it descends from or joined, was created after `earlier`
    Process,  // `earlier`'s process was over before that of `later` began
  };
  Order order(const Stretch& earlier, const Stretch& later);

  // Joins of a damaged trace that cannot all have happened.
  std::uint64_t impossible_joins() const { return impossible_joins_; }

  // What making clocks has cost so far, in steps of a search.
  std::uint64_t steps() const { return clock_entries_made_ / kClockEntriesPerStep; }

 private:
  // Far cheaper each than a step of the rules.
  static constexpr std::uint64_t kClockEntriesPerStep = 32;

  // By thread: the last of its epochs that happened before.
  using Clock = std::unordered_map<std::uint32_t, std::uint32_t>;
  void leave_out_impossible_joins();
  bool may_meet(ThreadId a, ThreadId b) const;
  const Clock& clock_at(ThreadId thread, std::uint32_t epoch);
  // The last epoch of `other` that happened before (thread, epoch), 0 for none.
  std::uint32_t known(ThreadId other, ThreadId thread, std::uint32_t epoch);

  const Model& model_;
  std::vector<std::vector<JoinRecord>> joins_;  // by thread, in the order of their epochs
  std::uint64_t impossible_joins_ = 0;
  std::unordered_map<std::uint64_t, Clock> clocks_;
  std::size_t clock_entries_ = 0;  // kept
  std::uint64_t clock_entries_made_ = 0;
};

}  // namespace faultline
