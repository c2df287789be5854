// What a search for cycles may cost, what it has cost so far, and which of its bounds it met.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "finding.h"

namespace faultline {

// The defaults keep the worst program to a few seconds.
struct SearchBounds {
  std::uint64_t steps_per_order =
      20'000;  // or four times the square of the shortest cycle's length, if that is more
  std::uint64_t steps_in_all = 20'000'000;  // for errors, for warnings and for notes alike
  std::size_t witnesses_per_order = 64;     // different ones
  std::size_t witnesses_of_pairs = 1'024;   // in cycles of two locks
  std::size_t cycle_length = 4'096;
  std::size_t cycles = 20'000;  // of errors, of warnings and of notes alike
};

// Shared by the searches of all components, one after the other. Each severity has a budget of its own, so
// that what is explained away does not use up what errors need.
struct SearchBudget {
  // One entry for each severity, by its value.
  using BySeverity = std::array<std::uint64_t, 3>;

  SearchBounds bounds;
  std::uint64_t steps = 0;  // beside those of the rules
  BySeverity steps_spent{};
  BySeverity cycles{};
  std::uint64_t orders = 0;
  std::uint64_t orders_in_long_cycles = 0;
  // Of the orders in which no error was found: those whose search stopped at a bound. By the first severity
  // that was not searched for at all; searched for in part; not with all sightings.
  BySeverity orders_not_searched{};
  std::uint64_t orders_cut_short = 0;
  std::uint64_t orders_with_more_witnesses = 0;

  // One sentence for each kind of bound that was reached.
  std::vector<std::string> bounds_reached() const;
};

}  // namespace faultline
