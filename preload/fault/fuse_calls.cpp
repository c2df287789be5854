#include "fault/fuse_calls.h"

#include "fault/blocked_stack.h"
#include "fault/fault_service.h"
#include "fault/perf_ring.h"
#include "fault/served_ranges.h"
#include "record/dependencies.h"
#include "record/held_stack.h"
#include "record/stacks.h"
#include "runtime.h"

namespace faultline {
namespace {

void record_call(LockId service, CallPoint at) {
  const ThreadState* active = tls.active;
  if (!service || active == nullptr || active->paused != 0) return;
  const std::uint64_t call = mix(service.value, at.number());
  if (active->knows(mix(top_key(*active), call))) return;
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  if (thread.top == thread.base || !ensure_trace(thread)) return;
  tell_held_apart(thread);
  const Place place = call_site(guard, at).place;
  const std::uint64_t key = mix(mix(top_key(thread), place.site), service.value);
  const HeldId under = held_set(thread, thread);
  write_fuse_service(thread, service);
  Wait wait{word_of_instance(service),
            LockKind::Service,
            nullptr,
            Mode::Exclusive,
            place.stack,
            Cause::Service,
            false};
  wait.observed = false;
  record_dependency(thread, thread, under, key, wait);
  thread.learn(mix(top_key(thread), call));
}

}  // namespace

void file_call(int fd, CallPoint at) {
  record_call(fuse_service(device_of(fd)), at);
}

void path_call(int directory, const char* path, CallPoint at) {
  record_call(fuse_service(fuse_device_of_path(directory, path)), at);
}

void file_mapped(std::uintptr_t start, std::size_t length, int fd) {
  constexpr std::uint64_t kPage = 4096;
  const LockId service = fuse_service(device_of(fd));
  if (!service) return;
  add_served_range(service, start, (length + kPage - 1) / kPage * kPage);
  Guard guard;
  if (!guard) return;
  ThreadState& thread = guard.thread();
  if (thread.top == thread.base) load_blocked_stack_unwinder();
  want_rings();
  if (ensure_trace(thread)) report_fault_sources(thread);
}

}  // namespace faultline
