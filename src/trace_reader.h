// The validating reader of a trace.
//
// Any bytes are fine as input: a file that is not a whole trace ends in a TraceError or in warnings, never in
// a crash and never in a record handed out that docs/trace-format.md would not allow. Records are handed out
// one by one in the order of the file; their ids are dense (see trace_records.h) and speak of records handed
// out before.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "trace_records.h"

namespace faultline {

// What a reader of a trace is told. The n-th record of a kind with an id (module, stack, thread, lock, held,
// state) has the id n.
class TraceVisitor {
 public:
  virtual ~TraceVisitor() = default;

  virtual void on_header(HeaderRecord header) = 0;  // always first
  virtual void on_stats(StatsRecord stats) = 0;     // always second, and once
  virtual void on_source(SourceRecord source) = 0;
  virtual void on_module(ModuleRecord module) = 0;
  virtual void on_stack(StackRecord stack) = 0;
  virtual void on_thread(ThreadRecord thread) = 0;
  virtual void on_thread_name(ThreadId thread, std::string name) = 0;
  virtual void on_join(const JoinRecord& join) = 0;
  virtual void on_lock(const LockRecord& lock) = 0;
  virtual void on_lock_name(LockId lock, std::string name) = 0;
  virtual void on_class_name(LockId lock, std::string name) = 0;  // of the lock's whole class
  virtual void on_mmap_lock(LockId lock) = 0;  // the program declared this lock as its own mmap_lock
  virtual void on_held(const HeldRecord& held) = 0;
  virtual void on_dependency(const DependencyRecord& dependency) = 0;
  virtual void on_orphan(OrphanRecord orphan) = 0;
  virtual void on_deadlock(DeadlockRecord deadlock) = 0;
  virtual void on_state(StateRecord state) = 0;
  virtual void on_access(AccessRecord access) = 0;
  virtual void on_assertion(AssertionRecord assertion) = 0;
  virtual void on_range(RangeRecord range) = 0;
  virtual void on_end(std::uint64_t at) = 0;  // ns since 1970, 0 not known
};

// what() is one line, "FILE:LINE: what is wrong; what to do".
class TraceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TraceReading {
  bool empty = false;                 // the file holds no record at all: its process died before it wrote one
  std::vector<std::string> warnings;  // "FILE:LINE: ...": a cut tail, torn records, what named those
};

// Reads the trace `file` into `visitor`. Throws TraceError where the file cannot be read, is not a trace, is
// garbled, or is of a version this reader does not know. Memory: the size of the file up to its last byte
// that is not NUL.
TraceReading read_trace(const std::filesystem::path& file, TraceVisitor& visitor);

}  // namespace faultline
