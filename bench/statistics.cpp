#include "statistics.h"

#include <algorithm>
#include <cmath>

namespace faultline::bench {

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (at - std::floor(at));
}

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

std::vector<double> ratios(const Rounds& rounds, Setup setup, Setup base) {
  std::vector<double> result;
  const std::size_t both = std::min(rounds[setup].size(), rounds[base].size());
  for (std::size_t i = 0; i < both; ++i) result.push_back(rounds[setup][i] / rounds[base][i]);
  return result;
}

Interval median_interval(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  // How many of n values lie below the median is binomial. `outside` is the chance that the median lies
  // beyond the values cut off so far, on either side; cut while that stays within 5 %.
  double term = std::pow(0.5, static_cast<double>(n));
  double outside = 2 * term;
  std::size_t cut = 0;
  while (2 * (cut + 1) < n) {
    term *= static_cast<double>(n - cut) / static_cast<double>(cut + 1);
    outside += 2 * term;
    if (outside > 0.05) break;
    ++cut;
  }
  return {values[cut], values[n - 1 - cut]};
}

}  // namespace faultline::bench
