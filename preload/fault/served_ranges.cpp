#include "fault/served_ranges.h"

#include <algorithm>

#include "fault/fuse_mounts.h"
#include "fault/transfers.h"
#include "runtime.h"

namespace faultline {

constinit std::atomic<int> served_range_bound{0};  // no range lies at or above

namespace {

struct Range {
  std::atomic<std::uint32_t> service;  // 0: free
  std::atomic<std::uint64_t> start;
  std::atomic<std::uint64_t> end;
};
constexpr std::uint32_t kClaimed = ~0u;
constexpr int kMaxRanges = 1024;
constinit Range ranges[kMaxRanges]{};
constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};

std::uint64_t end_of(std::uint64_t start, std::uint64_t length) {
  return length > kNoEnd - start ? kNoEnd : start + length;
}

bool meets(const Range& range, std::uint64_t start, std::uint64_t end) {
  return range.start.load(std::memory_order_relaxed) < end &&
         start < range.end.load(std::memory_order_relaxed);
}

template <class Change>
void for_each_range(Change change) {
  const int count = served_range_bound.load(std::memory_order_acquire);
  for (Range* range = ranges; range != ranges + count; ++range) {
    const std::uint32_t service = range->service.load(std::memory_order_acquire);
    if (service != 0 && service != kClaimed) change(*range, LockId{service});
  }
}

}  // namespace

void add_served_range(LockId service, std::uint64_t start, std::uint64_t length) {
  watch_transfers();
  remove_served_range(start, length);
  for (int i = 0; i < kMaxRanges; ++i) {
    Range& range = ranges[i];
    std::uint32_t free = 0;
    if (!range.service.compare_exchange_strong(free, kClaimed, std::memory_order_acq_rel)) continue;
    range.start.store(start, std::memory_order_relaxed);
    range.end.store(end_of(start, length), std::memory_order_relaxed);
    range.service.store(service.value, std::memory_order_release);
    int count = served_range_bound.load(std::memory_order_relaxed);
    while (count < i + 1 &&
           !served_range_bound.compare_exchange_weak(count, i + 1, std::memory_order_release))
      continue;
    return;
  }
  trace.lose(Lost::PendingFaults);
}

void remove_served_range(std::uint64_t start, std::uint64_t length) {
  const std::uint64_t end = end_of(start, length);
  for_each_range([&](Range& range, LockId service) {
    if (!meets(range, start, end)) return;
    const std::uint64_t range_start = range.start.load(std::memory_order_relaxed);
    const std::uint64_t range_end = range.end.load(std::memory_order_relaxed);
    if (range_start < start) {
      range.end.store(start, std::memory_order_relaxed);
      if (range_end > end) add_served_range(service, end, range_end - end);
    } else if (range_end > end) {
      range.start.store(end, std::memory_order_relaxed);
    } else {
      range.service.store(0, std::memory_order_release);
    }
  });
}

void remove_served_ranges(LockId service) {
  for_each_range([&](Range& range, LockId its) {
    if (its == service) range.service.store(0, std::memory_order_release);
  });
}

void forget_served_ranges() {
  bool any_left = false;
  for (Range& range : ranges) {
    if (is_fuse_service(LockId{range.service.load(std::memory_order_relaxed)})) {
      any_left = true;
    } else {
      range.service.store(0, std::memory_order_relaxed);
    }
  }
  if (!any_left) served_range_bound.store(0, std::memory_order_relaxed);
}

LockId service_of_range(std::uint64_t start, std::uint64_t length) {
  LockId found;
  for_each_range([&](const Range& range, LockId service) {
    if (!found && meets(range, start, end_of(start, length))) found = service;
  });
  return found;
}

std::size_t served_pieces(std::uint64_t start, std::uint64_t length, ServedPiece* pieces,
                          std::size_t capacity) {
  const std::uint64_t end = end_of(start, length);
  std::size_t count = 0;
  for_each_range([&](const Range& range, LockId service) {
    if (count == capacity || !meets(range, start, end)) return;
    const std::uint64_t from = std::max(start, range.start.load(std::memory_order_relaxed));
    const std::uint64_t to = std::min(end, range.end.load(std::memory_order_relaxed));
    pieces[count++] = {service, from, to - from};
  });
  return count;
}

std::uint64_t a_served_address(LockId service) {
  std::uint64_t found = 0;
  for_each_range([&](const Range& range, LockId its) {
    if (its == service) found = range.start.load(std::memory_order_relaxed);
  });
  return found;
}

}  // namespace faultline
