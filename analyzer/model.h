// Everything the given traces say, with the ids of all processes made one dense numbering.
//
// A model is built once by `load_model` and never changes after; any number of threads may read it. Ids run
// from 1 to the size of their table. Threads, stacks and modules of different processes are different ones;
// locks are, but for those that the processes share (shared_locks.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "input_error.h"
#include "trace_records.h"

namespace faultline {

using ProcessId = Id<struct ProcessTag>;
using DependencyId = Id<struct DependencyTag>;

// The ids from 1 to a last one.
template <class I>
class IdRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = I;
    using difference_type = std::ptrdiff_t;
    using pointer = const I*;
    using reference = const I&;

    Iterator() = default;
    explicit Iterator(std::uint32_t value) : id_{value} {}
    reference operator*() const { return id_; }
    Iterator& operator++() {
      ++id_.value;
      return *this;
    }
    Iterator operator++(int) { return Iterator(id_.value++); }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    I id_;
  };

  explicit IdRange(std::size_t last) : last_(static_cast<std::uint32_t>(last)) {}
  Iterator begin() const { return Iterator(1); }
  Iterator end() const { return Iterator(last_ + 1); }

 private:
  std::uint32_t last_;
};

// A sequence addressed by a strong id. The ids are 1 to size(); to look up the id 0 (none) is a mistake.
template <class I, class T>
class Table {
 public:
  I add(T item) {
    items_.push_back(std::move(item));
    return I{static_cast<std::uint32_t>(items_.size())};
  }
  T& operator[](I id) { return items_[id.value - 1]; }
  const T& operator[](I id) const { return items_[id.value - 1]; }
  std::size_t size() const { return items_.size(); }
  void reserve(std::size_t size) { items_.reserve(size); }

  // The items, and their ids, in order of definition.
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  IdRange<I> ids() const { return IdRange<I>(items_.size()); }

 private:
  std::vector<T> items_;
};

struct Process {
  HeaderRecord header;
  StatsRecord stats;
  std::vector<SourceRecord> sources;  // the last one of each name
  std::string file;                   // the trace's path, as given
  bool ended = false;                 // it ended in an orderly way: everything it did is in the trace
  std::uint64_t end = kNotKnown;      // ns since 1970: it was over by then, whatever way

  static constexpr std::uint64_t kNotKnown = std::numeric_limits<std::uint64_t>::max();
  // Whether both can have lived at one moment. Of one machine's boot only; else times say nothing.
  bool may_meet(const Process& other) const {
    return header.boot == other.header.boot && header.started <= other.end && other.header.started <= end;
  }
};

struct Module : ModuleRecord {
  ProcessId process;
};

struct Thread : ThreadRecord {
  ProcessId process;
};

struct Lock : LockRecord {
  ProcessId process;
  std::string name;           // annotated, empty where there is none
  std::string class_name;     // annotated for its whole class, likewise
  bool is_mmap_lock = false;  // the program declared it as its own mmap_lock
};

struct GuardedState : StateRecord {
  ProcessId process;
};

// What `wait` waits for was held by this thread of the parent process when it forked.
struct Orphan {
  DependencyId wait;
  std::uint32_t holder_tid;
  std::string holder_name;
};

using HeldNode = HeldRecord;
using Dependency = DependencyRecord;

struct Model {
  Table<ProcessId, Process> processes;
  Table<ModuleId, Module> modules;
  Table<StackId, StackRecord> stacks;
  Table<ThreadId, Thread> threads;
  Table<LockId, Lock> locks;     // those that took part in a dependency; `stats.locks` counts all
  Table<HeldId, HeldNode> held;  // a node's `under` is always smaller than the node
  Table<DependencyId, Dependency> dependencies;
  Table<StateId, GuardedState> states;  // guarded, and touched by two threads
  std::vector<AccessRecord> accesses;
  std::vector<AssertionRecord> assertions;  // that did not hold
  std::vector<Orphan> orphans;
  std::vector<JoinRecord> joins;
  std::vector<RangeRecord> ranges;
  std::vector<DeadlockRecord> deadlocks;  // that happened
  std::vector<std::string> warnings;      // of reading: truncated tails, torn records; with file and line
  std::vector<std::string> gaps;          // those of the warnings that say that a trace lost records

  // Frames of a stack, innermost first; none for the stack 0.
  std::span<const Frame> frames(StackId stack) const {
    return stack ? std::span<const Frame>(stacks[stack].frames) : std::span<const Frame>();
  }
  // The orphan that `wait`, a dependency marked as such, is about.
  const Orphan& orphan_of(DependencyId wait) const {
    return *std::ranges::find(orphans, wait, &Orphan::wait);
  }
  ProcessId process_of(DependencyId dependency) const {
    return threads[dependencies[dependency].thread].process;
  }
};

// Reads every trace of `paths` (trace_files.h) once, in an order that gives the same ids for the same input.
// `run`, unless empty, keeps only the traces whose header names that run.
//
// Throws InputError where a path does not exist or cannot be read, is not a trace, is garbled or of another
// version, or where no path holds a trace at all (with `run` given, an empty model is returned instead, and
// what has no readable header is left out with a warning). A
// file without a single record (its process died before it wrote one) is an error when named itself and a
// warning when found in a folder. Reading goes at over 100 MB/s.
Model load_model(std::span<const std::filesystem::path> paths, std::string_view run = {});

}  // namespace faultline
