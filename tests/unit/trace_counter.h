// Reads a trace given as text and counts its records, for tests of the reader.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event_script.h"
#include "trace_reader.h"

namespace faultline {

// Counts what it is told.
class Counter : public TraceVisitor {
 public:
  void on_header(HeaderRecord header) override { last_header = std::move(header); }
  void on_stats(StatsRecord stats) override { last_stats = std::move(stats); }
  void on_source(SourceRecord) override { ++sources; }
  void on_module(ModuleRecord) override { ++modules; }
  void on_stack(StackRecord) override { ++stacks; }
  void on_thread(ThreadRecord) override { ++threads; }
  void on_thread_name(ThreadId, std::string) override {}
  void on_join(const JoinRecord&) override { ++joins; }
  void on_lock(const LockRecord& lock) override {
    ++locks;
    last_lock = lock;
  }
  void on_lock_name(LockId, std::string) override { ++names; }
  void on_class_name(LockId, std::string) override { ++class_names; }
  void on_mmap_lock(LockId) override { ++roles; }
  void on_held(const HeldRecord&) override { ++held; }
  void on_dependency(const DependencyRecord&) override { ++dependencies; }
  void on_orphan(OrphanRecord orphan) override {
    ++orphans;
    last_orphan = std::move(orphan);
  }
  void on_deadlock(DeadlockRecord) override { ++deadlocks; }
  void on_state(StateRecord) override { ++states; }
  void on_access(AccessRecord access) override {
    ++accesses;
    last_access = std::move(access);
  }
  void on_assertion(AssertionRecord assertion) override { assertions.push_back(std::move(assertion)); }
  void on_range(RangeRecord) override { ++ranges; }
  void on_end(std::uint64_t) override { ended = true; }

  HeaderRecord last_header;
  StatsRecord last_stats;
  LockRecord last_lock;
  OrphanRecord last_orphan;
  int sources = 0, modules = 0, stacks = 0, threads = 0, joins = 0, locks = 0, names = 0, class_names = 0,
      roles = 0, held = 0, dependencies = 0, orphans = 0, deadlocks = 0, ranges = 0, states = 0, accesses = 0;
  AccessRecord last_access;
  std::vector<AssertionRecord> assertions;
  bool ended = false;
};

struct Outcome {
  Counter seen;
  TraceReading reading;
  std::string error;  // without the folder of the file
};

inline Outcome read(std::string_view bytes) {
  const TemporaryFolder folder;
  const auto file = folder.write("t.jsonl", bytes);
  const auto plain = [&](std::string text) { return text.erase(0, folder.path().string().size() + 1); };
  Outcome outcome;
  try {
    outcome.reading = read_trace(file, outcome.seen);
    for (std::string& warning : outcome.reading.warnings) warning = plain(warning);
  } catch (const TraceError& error) {
    outcome.error = plain(error.what());
  }
  return outcome;
}

inline const std::string kHeader =
    R"({"t":"trace","format":"faultline-trace","version":1,"tool":"0.1.0","run":"r1","pid":7,"ppid":1,"exe":"/bin/x","started":5,"arch":"x86_64","page_size":4096})"
    "\n";
inline const std::string kStats =
    R"({"t":"stats","threads":           2,"locks":           3,"dependencies":           1,"faults":           0,"lost":{"trace_full":           0,"held":           4}})"
    "\n";
inline const std::string kLock =
    R"({"t":"lock","id":9,"kind":"mutex","addr":"0x7f00dead0000","type":"recursive"})"
    "\n";
inline const std::string kThread =
    R"({"t":"thread","id":1,"tid":70,"parent":0,"parent_epoch":0,"name":"main"})"
    "\n";
inline const std::string kName = R"({"t":"name","lock":9,"name":"inode_lock"})"
                                 "\n";

}  // namespace faultline
