// The memory whose faults a userfaultfd serves, as UFFDIO_REGISTER and UFFDIO_UNREGISTER say.
//
// Any thread. A bounded table: past 1,024 ranges the further ones are not known (counted in `lost`), and a
// fault there is seen only when it happens. Memory that is unmapped unseen (by a raw system call) is known
// until its context is closed or the program unregisters it. Two threads that change ranges at the same
// moment may leave one of them half known.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ids.h"

namespace faultline {

void add_served_range(LockId service, std::uint64_t start, std::uint64_t length);
void remove_served_range(std::uint64_t start, std::uint64_t length);
// The context is closed.
void remove_served_ranges(LockId service);
// In a forked child: its memory is registered with none; files stay mapped.
void forget_served_ranges();

// The service of a known range that [start, start + length) meets; LockId{}: none.
LockId service_of_range(std::uint64_t start, std::uint64_t length);

// Whether any memory of this process was ever known to be served: one load.
extern constinit std::atomic<int> served_range_bound;
inline bool any_served_range() {
  return served_range_bound.load(std::memory_order_relaxed) != 0;
}

// What of [start, start + length) is served, by known range. How many were stored; at most `capacity`.
struct ServedPiece {
  LockId service;
  std::uint64_t start;
  std::uint64_t length;
};
constexpr std::size_t kMostPieces = 16;
std::size_t served_pieces(std::uint64_t start, std::uint64_t length, ServedPiece* pieces,
                          std::size_t capacity);

// An address in any range of `service`; 0: it has none.
std::uint64_t a_served_address(LockId service);

}  // namespace faultline
