#include "fault/mmap_lock.h"

#include "record/lock_identity.h"

namespace faultline {
namespace {

LockWord model_mmap_lock() {
  static constinit std::atomic<std::uint32_t> id{0};
  std::uint32_t there = id.load(std::memory_order_acquire);
  if (there == 0) {
    const std::uint32_t fresh = new_lock_id().value;
    if (id.compare_exchange_strong(there, fresh, std::memory_order_acq_rel)) there = fresh;
  }
  return word_of_instance(LockId{there});
}

}  // namespace

Wait model_mmap_lock_wait(StackId stack) {
  return {model_mmap_lock(), LockKind::MmapLock, nullptr, Mode::SharedFair, stack, Cause::Fault, false};
}

Wait mmap_lock_wait(StackId stack) {
  const DeclaredMmapLock declared = declared_mmap_lock();
  if (!declared.id) return model_mmap_lock_wait(stack);
  const Mode mode =
      declared.kind == LockKind::Rwlock
          ? reader_mode(static_cast<const pthread_rwlock_t*>(const_cast<const void*>(declared.address)))
          : Mode::Exclusive;
  return {told_apart(declared.address, declared.kind, word_of_instance(declared.id)),
          declared.kind,
          declared.address,
          mode,
          stack,
          Cause::Fault,
          false};
}

}  // namespace faultline
