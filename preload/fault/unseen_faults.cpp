#include "fault/unseen_faults.h"

#include "fault/served_ranges.h"
#include "fault/thread_faults.h"
#include "record/thread_registry.h"
#include "sys/task_state.h"

namespace faultline {

std::size_t find_unseen_faults(const ThreadState& finder, std::uint64_t start, std::uint64_t length,
                               UnseenFault* found, std::size_t capacity) {
  std::size_t count = 0;
  for (std::uint32_t at = 0; ThreadState* state = state_at(at); ++at) {
    FaultSample sample;
    if (count == capacity) break;
    if (state == &finder || !is_live(*state) || !newest_sample(*state, sample) || sample.address < start ||
        sample.address - start >= length || !sys::sleeps_in_userfault(state->tid))
      continue;
    found[count++] = {state, sample.address};
  }
  return count;
}

LockId service_of_sleep(const ThreadState& stopped) {
  FaultSample sample;
  if (!newest_sample(stopped, sample) || !sys::sleeps_in_userfault(stopped.tid)) return LockId{};
  return service_of_range(sample.address, 1);
}

}  // namespace faultline
