// What the kernel says of memory that is registered with a userfaultfd: for when the descriptor is closed
// here, but perhaps not everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

// Whether the mapping that holds `address` is registered with any userfaultfd. Slow: reads /proc/self/smaps
// up to there. `scratch`: room to read into. False also where it cannot be told.
bool is_registered(std::uint64_t address, char* scratch, std::size_t size);

}  // namespace faultline
