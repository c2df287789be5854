// The memory whose faults a userfaultfd serves, as UFFDIO_REGISTER and UFFDIO_UNREGISTER say.
//
// Any thread. A bounded table: past 1,024 ranges the further ones are not known, and a fault there is seen
// only when it happens. Memory that is unmapped while registered is known until its context is closed or the
// program unregisters it. Two threads that change ranges at the same moment may leave one of them half known.
#pragma once

#include <cstdint>

#include "ids.h"

namespace faultline {

void add_served_range(LockId service, std::uint64_t start, std::uint64_t length);
void remove_served_range(std::uint64_t start, std::uint64_t length);
// The context is closed.
void remove_served_ranges(LockId service);
// In a forked child.
void forget_served_ranges();

// The service of a known range that [start, start + length) meets; LockId{}: none.
LockId service_of_range(std::uint64_t start, std::uint64_t length);

}  // namespace faultline
