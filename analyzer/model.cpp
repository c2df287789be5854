#include "model.h"

#include <algorithm>
#include <iterator>

#include "may_faults.h"
#include "shared_locks.h"
#include "thread_ends.h"
#include "trace_files.h"
#include "trace_reader.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

// Thrown out of the reading of a trace that belongs to another run.
struct OtherRun {};

// Adds one trace to the model: its ids follow those of the traces before it.
class Builder : public TraceVisitor {
 public:
  Builder(Model& model, const fs::path& file, std::string_view run)
      : model_(model),
        file_(file),
        run_(run),
        modules_before_(model.modules.size()),
        stacks_before_(model.stacks.size()),
        threads_before_(model.threads.size()),
        locks_before_(model.locks.size()),
        held_before_(model.held.size()),
        states_before_(model.states.size()) {}

  void on_header(HeaderRecord header) override {
    if (!run_.empty() && header.run != run_) throw OtherRun();
    Process process;
    process.header = std::move(header);
    process.file = file_.string();
    process_ = model_.processes.add(std::move(process));
  }
  void on_stats(StatsRecord stats) override { process().stats = std::move(stats); }
  void on_source(SourceRecord source) override {
    auto& sources = process().sources;
    const auto same = std::ranges::find(sources, source.name, &SourceRecord::name);
    if (same == sources.end()) {
      sources.push_back(std::move(source));
    } else {
      *same = std::move(source);
    }
  }
  void on_module(ModuleRecord module) override { model_.modules.add({std::move(module), process_}); }
  void on_stack(StackRecord stack) override {
    for (Frame& frame : stack.frames) frame.module = here(frame.module);
    model_.stacks.add(std::move(stack));
  }
  void on_thread(ThreadRecord thread) override {
    thread.parent = here(thread.parent);
    model_.threads.add({std::move(thread), process_});
  }
  void on_thread_name(ThreadId thread, std::string name) override {
    model_.threads[here(thread)].name = std::move(name);
  }
  void on_join(const JoinRecord& join) override {
    model_.joins.push_back({here(join.thread), join.epoch, here(join.joined)});
  }
  void on_lock(const LockRecord& record) override {
    Lock lock{record, process_, {}, {}, false};
    lock.thread = here(lock.thread);
    lock.init = here(lock.init);
    lock.first = here(lock.first);
    lock.place.module = here(lock.place.module);
    model_.locks.add(std::move(lock));
  }
  void on_lock_name(LockId lock, std::string name) override {
    model_.locks[here(lock)].name = std::move(name);
  }
  void on_class_name(LockId lock, std::string name) override {
    model_.locks[here(lock)].class_name = std::move(name);
  }
  void on_mmap_lock(LockId lock) override { model_.locks[here(lock)].is_mmap_lock = true; }
  void on_held(const HeldRecord& record) override {
    HeldNode held = record;
    held.under = here(held.under);
    held.lock = here(held.lock);
    held.stack = here(held.stack);
    model_.held.add(held);
  }
  void on_dependency(const DependencyRecord& record) override {
    add(record);
    ++dependencies_;
  }
  void on_orphan(OrphanRecord orphan) override {
    model_.orphans.push_back({add(orphan.wait), orphan.holder_tid, std::move(orphan.holder_name)});
  }
  void on_deadlock(DeadlockRecord deadlock) override {
    for (DeadlockWait& wait : deadlock.waits) {
      wait.thread = here(wait.thread);
      wait.under = here(wait.under);
      wait.to = here(wait.to);
      wait.stack = here(wait.stack);
      wait.joins = here(wait.joins);
    }
    model_.deadlocks.push_back(std::move(deadlock));
  }
  void on_state(StateRecord state) override { model_.states.add({std::move(state), process_}); }
  void on_access(AccessRecord access) override {
    access.thread = here(access.thread);
    access.state = here(access.state);
    access.under = here(access.under);
    access.stack = here(access.stack);
    for (ThreadId& client : access.clients) client = here(client);
    model_.accesses.push_back(std::move(access));
  }
  void on_assertion(AssertionRecord assertion) override {
    assertion.thread = here(assertion.thread);
    assertion.under = here(assertion.under);
    assertion.stack = here(assertion.stack);
    for (ThreadId& client : assertion.clients) client = here(client);
    assertion.lock = here(assertion.lock);
    for (std::optional<TokenTime>* time : {&assertion.given, &assertion.revoked})
      if (*time) *time = TokenTime{here((*time)->thread), here((*time)->stack)};
    assertion.fault.service = here(assertion.fault.service);
    assertion.disabled = here(assertion.disabled);
    model_.assertions.push_back(std::move(assertion));
  }
  void on_range(RangeRecord range) override {
    range.service = here(range.service);
    model_.ranges.push_back(std::move(range));
  }
  void on_end(std::uint64_t at) override {
    process().ended = true;
    if (at != 0) process().end = at;
  }

  // Whether a header was read that belongs to the wanted run.
  bool is_of_run() const { return bool(process_); }

  // What the trace counted and does not hold, a sentence; empty where it holds it all. A dependency is
  // counted once it is in the file, so that even a killed process leaves no fewer than it counted.
  std::string missing() const {
    if (!process_) return "";
    const std::uint64_t counted = model_.processes[process_].stats.dependencies;
    if (counted <= dependencies_) return "";
    return file_.string() + ": " + std::to_string(counted) + " dependencies were recorded, only " +
           std::to_string(dependencies_) + " are in the file";
  }

 private:
  DependencyId add(Dependency dependency) {
    dependency.thread = here(dependency.thread);
    dependency.under = here(dependency.under);
    dependency.to = here(dependency.to);
    dependency.stack = here(dependency.stack);
    dependency.via_service = here(dependency.via_service);
    dependency.via_thread = here(dependency.via_thread);
    dependency.fault.service = here(dependency.fault.service);
    return model_.dependencies.add(dependency);
  }
  Process& process() { return model_.processes[process_]; }

  template <class I>
  static I shifted(I id, std::size_t before) {
    return id ? I{id.value + static_cast<std::uint32_t>(before)} : id;
  }
  ModuleId here(ModuleId id) const { return shifted(id, modules_before_); }
  StackId here(StackId id) const { return shifted(id, stacks_before_); }
  ThreadId here(ThreadId id) const { return shifted(id, threads_before_); }
  LockId here(LockId id) const { return shifted(id, locks_before_); }
  HeldId here(HeldId id) const { return shifted(id, held_before_); }
  StateId here(StateId id) const { return shifted(id, states_before_); }

  Model& model_;
  const fs::path& file_;
  std::string_view run_;
  ProcessId process_;
  std::uint64_t dependencies_ = 0;
  std::size_t modules_before_, stacks_before_, threads_before_, locks_before_, held_before_, states_before_;
};

// Whether the file held any record.
bool load_trace(Model& model, const fs::path& file, std::string_view run) {
  Builder builder(model, file, run);
  try {
    TraceReading reading = read_trace(file, builder);
    if (std::string missing = builder.missing(); !missing.empty())
      reading.warnings.push_back(std::move(missing));
    // A file without a header cannot be said to be of a run, so it is no gap of one.
    if (run.empty() || builder.is_of_run())
      std::ranges::copy(reading.warnings, std::back_inserter(model.gaps));
    std::ranges::move(reading.warnings, std::back_inserter(model.warnings));
    return !reading.empty;
  } catch (const OtherRun&) {
    return true;
  } catch (const TraceError& error) {
    // Whatever else lies in the folder must not cost a run its report.
    if (run.empty() || builder.is_of_run()) throw InputError(error.what());
    model.warnings.push_back(std::string(error.what()) + "; it was left out");
    return true;
  }
}

}  // namespace

Model load_model(std::span<const fs::path> paths, std::string_view run) {
  Model model;
  TraceFiles found = find_traces(paths);
  model.warnings = std::move(found.warnings);
  for (const TraceFile& file : found.files) {
    if (load_trace(model, file.path, run)) continue;
    if (file.named)
      throw InputError(file.path.string() + ": empty, not a trace; give a file that faultline recorded");
    model.warnings.push_back(file.path.string() + ": empty: its process died before it recorded anything");
    if (run.empty()) model.gaps.push_back(model.warnings.back());
  }
  join_shared_locks(model);
  serve_may_faults(model);
  hold_thread_ends(model);
  if (model.processes.size() == 0 && run.empty()) {
    const std::string where = paths.empty() ? std::string("no path given") : paths.front().string();
    throw InputError(where + ": no trace (*.jsonl) there; record one with: faultline run -- PROGRAM");
  }
  return model;
}

}  // namespace faultline
