// What many runs are reduced to: ratios of two setups *within* a round, and their median over the rounds.
#pragma once

#include <array>
#include <vector>

#include "setup.h"

namespace faultline::bench {

// The values of one quantity, by setup, one per round in the order of rounds. A setup may have fewer rounds
// than the others (the first ones), or none.
using Rounds = std::array<std::vector<double>, kSetups>;

// Calls `measure(setup)`, which gives a std::optional<double>, in every round for native, the empty preload
// and Faultline, and in the first `peer_rounds` rounds for the peers too. The order turns around each time,
// so that drift of the machine (frequency, neighbours) meets all setups alike. A peer that gave nothing once
// is not asked again and has no values.
template <class Measure>
Rounds interleaved(int rounds, int peer_rounds, Measure measure) {
  Rounds values;
  std::array<bool, kSetups> failed = {};
  for (int round = 0; round < rounds; ++round) {
    const int setups = round < peer_rounds ? kSetups : kOwnSetups;
    for (int i = 0; i < setups; ++i) {
      const auto setup = static_cast<Setup>(round % 2 == 0 ? i : setups - 1 - i);
      if (failed[setup]) continue;
      if (const auto value = measure(setup)) {
        values[setup].push_back(*value);
      } else {
        failed[setup] = true;
        values[setup].clear();
      }
    }
  }
  return values;
}

// The value below which the share `q` of the values lies, interpolated. There must be one value at least.
double quantile(std::vector<double> values, double q);
double median(std::vector<double> values);

// One ratio per round in which both setups have a value.
std::vector<double> ratios(const Rounds& rounds, Setup setup, Setup base);

// Bounds of the true median at a confidence of 95 % or more, by the order of the values alone (the sign
// test), so that no shape of distribution is assumed. Fewer than six values give their whole range, which
// means less.
struct Interval {
  double low;
  double high;
};
Interval median_interval(std::vector<double> values);

}  // namespace faultline::bench
