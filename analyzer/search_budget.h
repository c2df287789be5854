// What a search for cycles may cost, what it has cost so far, and which of its bounds it met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace faultline {

// The defaults keep the worst program to a few seconds.
struct SearchBounds {
  std::uint64_t steps_per_order =
      20'000;  // or four times the square of the shortest cycle's length, if that is more
  std::uint64_t steps_in_all = 20'000'000;
  std::size_t witnesses_per_order = 64;  // different ones
  std::size_t cycle_length = 4'096;
  std::size_t cycles = 20'000;
};

// Shared by the searches of all components, one after the other.
struct SearchBudget {
  SearchBounds bounds;
  std::uint64_t steps = 0;  // beside those of the rules
  std::uint64_t cycles = 0;
  std::uint64_t orders = 0;
  std::uint64_t orders_cut_short = 0;
  std::uint64_t orders_not_searched = 0;
  std::uint64_t orders_in_long_cycles = 0;
  std::uint64_t orders_with_more_witnesses = 0;

  // One sentence for each kind of bound that was reached.
  std::vector<std::string> bounds_reached() const;
};

}  // namespace faultline
