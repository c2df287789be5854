// The trace reader on any bytes: it may refuse them, but what it hands out is what its header promises - the
// header first, the stats second and once, and only ids of what was handed out before. A broken promise
// aborts, which is what a fuzzer looks for.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "trace_reader.h"

namespace {

using namespace faultline;

void promise(bool kept) {
  if (!kept) std::abort();
}

class CheckingVisitor : public TraceVisitor {
 public:
  void on_header(HeaderRecord) override {
    promise(records_ == 0);
    ++records_;
  }
  void on_stats(StatsRecord) override {
    promise(records_ == 1);
    ++records_;
  }
  void on_source(SourceRecord) override { next(); }
  void on_module(ModuleRecord) override {
    next();
    ++modules_;
  }
  void on_stack(StackRecord stack) override {
    next();
    for (const Frame& frame : stack.frames) promise(frame.module.value <= modules_);
    ++stacks_;
  }
  void on_thread(ThreadRecord thread) override {
    next();
    promise(thread.parent.value <= threads_);
    ++threads_;
  }
  void on_thread_name(ThreadId thread, std::string) override {
    next();
    known(thread.value, threads_);
  }
  void on_join(const JoinRecord& join) override {
    next();
    known(join.thread.value, threads_);
    known(join.joined.value, threads_);
    promise(join.epoch > 0);
  }
  void on_lock(const LockRecord& lock) override {
    next();
    promise(lock.init.value <= stacks_ && lock.first.value <= stacks_ && lock.place.module.value <= modules_);
    ++locks_;
  }
  void on_lock_name(LockId lock, std::string) override {
    next();
    known(lock.value, locks_);
  }
  void on_class_name(LockId lock, std::string) override {
    next();
    known(lock.value, locks_);
  }
  void on_mmap_lock(LockId lock) override {
    next();
    known(lock.value, locks_);
  }
  void on_held(const HeldRecord& held) override {
    next();
    promise(held.under.value <= held_);
    known(held.lock.value, locks_);
    promise(held.stack.value <= stacks_);
    ++held_;
  }
  void on_dependency(const DependencyRecord& dependency) override {
    next();
    known(dependency.thread.value, threads_);
    promise(dependency.epoch > 0);
    promise(dependency.under.value <= held_);
    known(dependency.to.value, locks_);
    promise(dependency.stack.value <= stacks_);
    promise(dependency.via_service.value <= locks_ && dependency.via_thread.value <= threads_);
    promise(dependency.fault.service.value <= locks_);
  }
  void on_orphan(OrphanRecord orphan) override {
    next();
    promise(orphan.wait.thread && orphan.wait.thread.value <= threads_);
    promise(orphan.wait.under && orphan.wait.under.value <= held_);
    promise(orphan.wait.to && orphan.wait.to.value <= locks_);
    promise(orphan.wait.stack.value <= stacks_);
  }
  void on_deadlock(DeadlockRecord deadlock) override {
    next();
    promise(!deadlock.waits.empty());
    for (const DeadlockWait& wait : deadlock.waits) {
      known(wait.thread.value, threads_);
      promise(wait.under.value <= held_ && wait.to.value <= locks_);
      promise(wait.stack.value <= stacks_ && wait.joins.value <= threads_);
    }
  }
  void on_state(StateRecord) override {
    next();
    ++states_;
  }
  void on_access(AccessRecord access) override {
    next();
    known(access.thread.value, threads_);
    known(access.state.value, states_);
    promise(access.epoch > 0 && access.under.value <= held_ && access.stack.value <= stacks_);
    for (const ThreadId client : access.clients) known(client.value, threads_);
  }
  void on_assertion(AssertionRecord assertion) override {
    next();
    known(assertion.thread.value, threads_);
    promise(assertion.under.value <= held_ && assertion.lock.value <= locks_);
    promise(assertion.stack.value <= stacks_ && assertion.disabled.value <= stacks_);
    promise(assertion.fault.service.value <= locks_);
    for (const ThreadId client : assertion.clients) known(client.value, threads_);
    for (const auto& time : {assertion.given, assertion.revoked})
      promise(!time || (time->thread.value <= threads_ && time->stack.value <= stacks_));
  }
  void on_range(RangeRecord range) override {
    next();
    promise(range.service.value <= locks_);
  }
  void on_end(std::uint64_t) override { next(); }

 private:
  void next() {
    promise(records_ >= 2);
    ++records_;
  }
  static void known(std::uint32_t id, std::uint32_t defined) { promise(id > 0 && id <= defined); }

  std::uint64_t records_ = 0;
  std::uint32_t modules_ = 0;
  std::uint32_t stacks_ = 0;
  std::uint32_t threads_ = 0;
  std::uint32_t locks_ = 0;
  std::uint32_t held_ = 0;
  std::uint32_t states_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("trace", MFD_CLOEXEC);
  promise(file >= 0);
  promise(write(file, data, size) == static_cast<ssize_t>(size));
  CheckingVisitor visitor;
  try {
    read_trace("/proc/self/fd/" + std::to_string(file), visitor);
  } catch (const TraceError& error) {
    const std::string message = error.what();
    promise(!message.empty() && message.find('\n') == std::string::npos);
  }
  close(file);
  return 0;
}
