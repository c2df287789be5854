#include "fault/may_fault.h"

#include "fault/contexts.h"
#include "fault/mmap_lock.h"
#include "fault/served_ranges.h"
#include "record/held_stack.h"
#include "record/stacks.h"
#include "runtime.h"

namespace faultline {

void may_fault(Guard& guard, std::uintptr_t address, std::size_t length, CallPoint at) {
  ThreadState& thread = guard.thread();
  if (thread.top == thread.base || thread.paused != 0 || thread.faults_disabled != 0 || length == 0 ||
      !ensure_trace(thread))
    return;
  const Place place = call_site(guard, at).place;
  const LockId service = service_of_range(address, length);
  const std::uint64_t key = mix(mix(top_key(thread), place.site), service.value);
  if (thread.knows(key)) return;
  const HeldId under = held_set(thread, thread);
  const FaultFacts facts{address, Access::Unknown, Origin::Unknown, service, true};
  const auto record = [&](std::uint64_t own_key, Wait wait) {
    wait.observed = false;
    record_dependency(thread, thread, under, own_key, wait, &facts);
  };
  if (service) write_service_record(thread, service);
  record(mix(key, 1), mmap_lock_wait(place.stack));
  if (service)
    record(mix(key, 2), {word_of_instance(service), LockKind::Service, nullptr, Mode::Exclusive, place.stack,
                         Cause::Fault, false});
  thread.learn(key);
}

}  // namespace faultline
