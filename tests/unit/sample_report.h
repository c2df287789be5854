// A small model with one finding, made by hand, for the tests of reports: a writer holds inode_lock and
// faults into mmap_lock, twice (once by its own store, once inside a system call), and a mapper takes the two
// the other way round.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "report.h"

namespace faultline {

// Names by offset; what is not in the table is unknown.
class TableOfNames : public SourceNames {
 public:
  explicit TableOfNames(std::map<std::uint64_t, std::vector<SourceLocation>> table)
      : table_(std::move(table)) {}

  const std::vector<SourceLocation>& locate(const Frame& frame) const override {
    static const std::vector<SourceLocation> nothing;
    const auto known = table_.find(frame.offset);
    return known == table_.end() ? nothing : known->second;
  }
  std::string object(const Frame&) const override { return ""; }
  std::vector<SourceLocation>& at(std::uint64_t offset) { return table_.at(offset); }

 private:
  std::map<std::uint64_t, std::vector<SourceLocation>> table_;
};

struct SampleReport {
  static constexpr std::uint64_t kLockSite = 0x1000;
  static constexpr std::uint64_t kFaultSite = 0x2000;
  static constexpr std::uint64_t kMapSite = 0x3000;
  static constexpr std::uint64_t kWriteCall = 0x4000;
  static constexpr std::uint64_t kUnknown = 0x5000;
  static constexpr std::uint64_t kThreadStart = 0x6000;

  Model model;
  TableOfNames names;
  Judgement judgement;
  LockId inode_lock, mmap_lock;
  StackId lock_stack, fault_stack, map_stack, copy_stack;

  // `source` is what frames of the sample's own code name as their file.
  explicit SampleReport(const std::string& source = "/src/fs/ext4.cpp") : names(table(source)) {
    Process process;
    process.header.pid = 100;
    model.processes.add(process);
    const ModuleId program = add_module("/usr/bin/tvfs", "abcdef");
    const ModuleId libc = add_module("/lib/libc.so.6", "");
    lock_stack = add_stack({{program, kLockSite}, {program, kUnknown}, {libc, kThreadStart}});
    fault_stack = add_stack({{program, kFaultSite}, {libc, kThreadStart}});
    copy_stack = add_stack({{libc, kWriteCall}, {program, kFaultSite}});
    map_stack = add_stack({{program, kMapSite}, {ModuleId{}, 0x7f0000001000}});
    const ThreadId writer = add_thread(101, "writer");
    const ThreadId mapper = add_thread(102, "");
    inode_lock = add_lock("inode_lock", LockKind::Rwlock);
    mmap_lock = add_lock("mmap_lock", LockKind::Rwlock);
    const HeldId holds_inode = model.held.add({{}, inode_lock, Mode::Exclusive, lock_stack, false});
    const HeldId holds_mmap = model.held.add({{}, mmap_lock, Mode::Exclusive, map_stack, true});

    Finding finding;
    finding.verdict = Verdict::Feasible;
    finding.severity = Severity::Error;
    finding.fingerprint = "FL-5c1e09d2a7b3f846";
    finding.title = "inode_lock -> mmap_lock -> inode_lock";
    finding.locks = {{inode_lock, "inode_lock"}, {mmap_lock, "mmap_lock"}};
    finding.why = "two threads, no common lock, both alive at once.";
    const DependencyId by_store = add_fault(writer, holds_inode, fault_stack, Origin::User, true);
    const DependencyId by_copy = add_fault(writer, holds_inode, copy_stack, Origin::KernelCopy, false);
    Dependency call;
    call.thread = mapper;
    call.under = holds_mmap;
    call.to = inode_lock;
    call.stack = map_stack;
    const DependencyId by_call = model.dependencies.add(call);
    finding.edges = {{inode_lock, mmap_lock, by_store, holds_inode, false},
                     {inode_lock, mmap_lock, by_copy, holds_inode, true},
                     {mmap_lock, inode_lock, by_call, holds_mmap, false}};
    judgement.findings.push_back(finding);

    Finding explained = finding;
    explained.verdict = Verdict::Gated;
    explained.severity = Severity::Note;
    explained.fingerprint = "FL-0000000000000001";
    judgement.findings.push_back(explained);

    judgement.summary.processes = 1;
    judgement.summary.threads = 2;
    judgement.summary.locks = 7;
    judgement.summary.classes = 2;
    judgement.summary.edges = 2;
    judgement.summary.faults = 1;
    judgement.summary.sources = {{"perf", "refused"}, {"uffd", "on"}};
    judgement.summary.source_why = {{"perf", "perf_event_paranoid is 3"}};
  }

  Report report() const { return {.model = model, .names = names, .judgement = judgement}; }

 private:
  static std::map<std::uint64_t, std::vector<SourceLocation>> table(const std::string& source) {
    const std::string header = "/usr/include/c++/12/bits/std_mutex.h";
    return {{kLockSite,
             {{"std::unique_lock<std::mutex>::lock", header, header, 139, true},
              {"std::unique_lock<std::mutex>::unique_lock", header, header, 69, true},
              {"ext4_write", "fs/ext4.cpp", source, 2, false}}},
            {kFaultSite, {{"ext4_copy", "fs/ext4.cpp", source, 4, false}}},
            {kMapSite, {{"ext4_mmap", "fs/ext4.cpp", source, 6, false}}},
            {kWriteCall, {{"write", "", "", 0, false}}},
            {kThreadStart, {{"start_thread", "", "", 0, false}}}};
  }
  ModuleId add_module(const std::string& path, const std::string& build_id) {
    Module module;
    module.path = path;
    module.build_id = build_id;
    return model.modules.add(module);
  }
  StackId add_stack(std::vector<Frame> frames) {
    return model.stacks.add({std::move(frames), StackBy::Unwind});
  }
  ThreadId add_thread(std::uint32_t tid, const std::string& name) {
    Thread thread;
    thread.tid = tid;
    thread.name = name;
    thread.process = ProcessId{1};
    return model.threads.add(thread);
  }
  LockId add_lock(const std::string& name, LockKind kind) {
    Lock lock;
    lock.kind = kind;
    lock.name = name;
    lock.process = ProcessId{1};
    return model.locks.add(lock);
  }
  DependencyId add_fault(ThreadId thread, HeldId under, StackId stack, Origin origin, bool registers) {
    Dependency dependency;
    dependency.thread = thread;
    dependency.under = under;
    dependency.to = mmap_lock;
    dependency.mode = Mode::SharedFair;
    dependency.stack = stack;
    dependency.cause = Cause::Fault;
    dependency.fault.address = 0x7f12345000;
    dependency.fault.access = Access::Write;
    dependency.fault.origin = origin;
    dependency.fault.stack_is_registers = registers;
    return model.dependencies.add(dependency);
  }
};

}  // namespace faultline
