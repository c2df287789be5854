#include "search_budget.h"

namespace faultline {

std::vector<std::string> SearchBudget::bounds_reached() const {
  std::vector<std::string> sentences;
  const auto of_all = [&](std::uint64_t count) {
    return std::to_string(count) + " of " + std::to_string(orders) + " orders in cycles";
  };
  const auto not_searched = [&](Severity severity) {
    return orders_not_searched[static_cast<std::size_t>(severity)];
  };
  if (const auto count = not_searched(Severity::Error); count > 0)
    sentences.push_back(of_all(count) + " were not searched: there are too many");
  if (const auto count = not_searched(Severity::Warning); count > 0)
    sentences.push_back(of_all(count) + " were searched for errors only: there are too many");
  if (const auto count = not_searched(Severity::Note); count > 0)
    sentences.push_back(of_all(count) +
                        " gave no error and no warning, and no reason is given for each: there are too many");
  if (orders_in_long_cycles > 0)
    sentences.push_back(of_all(orders_in_long_cycles) + " are only in cycles of more than " +
                        std::to_string(bounds.cycle_length) + " locks, which were not judged");
  if (orders_cut_short > 0)
    sentences.push_back("for " + of_all(orders_cut_short) +
                        " the search for a worse cycle than the one given stopped at its bound");
  if (orders_with_more_witnesses > 0)
    sentences.push_back("for " + of_all(orders_with_more_witnesses) + " only " +
                        std::to_string(bounds.witnesses_per_order) + " different sightings were tried (" +
                        std::to_string(bounds.witnesses_of_pairs) + " in cycles of two locks)");
  return sentences;
}

}  // namespace faultline
